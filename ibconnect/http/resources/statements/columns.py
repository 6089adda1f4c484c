"""The columns of the table of statements, and the members of a document.

In: rows of sql/http/statements.sql, which are in the same order. Out: columns. Called by the handlers of this package.
"""

from ibconnect.http.server.columns import Column, Type

COLUMNS: tuple[Column, ...] = (
    Column("Id", Type.TEXT, "Of the document that it came in", is_nullable=False),
    Column("Number", Type.INTEGER, "Which one of the document's statements it is, from 0", is_nullable=False),
    Column("AccountCode", Type.TEXT, "Whose"),
    Column("From", Type.DATE, "Its first day; null where it cannot be understood"),
    Column("To", Type.DATE, "Its last day; null where it cannot be understood"),
    Column("Generated", Type.TIME, "When IBKR made it: a later one takes the place of what it covers"),
    Column("Query", Type.TEXT, "The name of the Flex query"),
    Column("Kind", Type.TEXT, "AF: activity; TCF: trade confirmations"),
    Column("Period", Type.TEXT, "What the query asks for, such as LastBusinessDay"),
    Column("BaseCurrency", Type.TEXT, "Of the account"),
    Column("Elements", Type.INTEGER, "Elements with attributes", is_nullable=False),
    Column("Unread", Type.INTEGER, "Of these, those that no table is made of", is_nullable=False),
    Column("Oddities", Type.INTEGER, "Values that could not be understood", is_nullable=False),
    Column("Bytes", Type.INTEGER, "Of the document"),
    Column("Received", Type.TIME, "When the document was recorded", is_nullable=False),
    Column("Source", Type.TEXT, "file, http, or flex: IBKR's Flex Web Service"),
    Column("Name", Type.TEXT, "Of the file, or the id of the Flex query"),
    Column("Sha256", Type.TEXT, "Of the document, in hexadecimal digits"),
    Column("Statement", Type.INTEGER, "By this number rows of other tables name it", is_nullable=False),
)

DOCUMENT: tuple[Column, ...] = (
    Column("Id", Type.TEXT, "Its id, which is that of the stream of its events", is_nullable=False),
    Column("Sha256", Type.TEXT, "In hexadecimal digits", is_nullable=False),
    Column("Bytes", Type.INTEGER, "How long it is", is_nullable=False),
    Column("Received", Type.TIME, "When it was recorded", is_nullable=False),
    Column("Source", Type.TEXT, "file, http, or flex: IBKR's Flex Web Service", is_nullable=False),
    Column("Name", Type.TEXT, "Of the file, or the id of the Flex query"),
    Column("By", Type.TEXT, "The name of the token that it was sent with"),
    Column("Statements", Type.INTEGER, "How many statements it holds", is_nullable=False),
    Column("Accounts", Type.TEXTS, "Whose they are", is_nullable=False),
    Column("From", Type.DATE, "The first day of any; null where it can be misread"),
    Column("To", Type.DATE, "The last day of any; null where it can be misread"),
    Column("Elements", Type.INTEGER, "Elements with attributes", is_nullable=False),
)
