-- Which version of the program an instance runs, for whoever watches over an upgrade. One of an earlier version says nothing.
ALTER TABLE coordination.instance ADD COLUMN version text;
