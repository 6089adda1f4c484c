"""What the messages of one account's download say, each by itself: the rules that tables and their proof share.

In: states of stored events. Out: account values and positions, by model; which figure a value is of. Called by the
projection that makes tables of downloads, and by the REST read that names the messages which a figure was made of.
"""
