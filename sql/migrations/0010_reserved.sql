-- Nothing: the number is kept for the tables of the projections.
SELECT 1;
