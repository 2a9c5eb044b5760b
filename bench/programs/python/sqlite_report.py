# expect: verdict=ok
# Creates an SQLite database on disk, queries it with joins, windows and transactions.
# stdout: SQLite ready with 4 authors and 7 books
import os
import sqlite3

DB = "library.db"

conn = sqlite3.connect(DB)
conn.row_factory = sqlite3.Row
conn.executescript("""
    CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE book (
        id INTEGER PRIMARY KEY, author_id INTEGER REFERENCES author(id),
        title TEXT, year INTEGER, copies INTEGER CHECK (copies >= 0));
    CREATE INDEX book_year ON book(year);
""")
with conn:
    conn.executemany("INSERT INTO author(name) VALUES (?)",
                     [("Le Guin",), ("Lem",), ("Butler",), ("Nobody",)])
    conn.executemany(
        "INSERT INTO book(author_id, title, year, copies) VALUES (?, ?, ?, ?)",
        [(1, "The Dispossessed", 1974, 3), (1, "The Lathe of Heaven", 1971, 1),
         (1, "Rocannon's World", 1966, 0), (2, "Solaris", 1961, 4), (2, "The Cyberiad", 1965, 2),
         (3, "Kindred", 1979, 5), (3, "Dawn", 1987, 2)])

count = lambda table: conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
print(f"SQLite ready with {count('author')} authors and {count('book')} books")

for row in conn.execute("""
        SELECT a.name, count(b.id) AS books, coalesce(sum(b.copies), 0) AS copies
        FROM author a LEFT JOIN book b ON b.author_id = a.id
        GROUP BY a.id ORDER BY copies DESC, a.name"""):
    print(f"{row['name']:<10}{row['books']:>3} books {row['copies']:>3} copies")

query = "SELECT title, year, rank() OVER (ORDER BY year) AS pos FROM book LIMIT 3"
print([tuple(r) for r in conn.execute(query)])

try:
    with conn:
        conn.execute("UPDATE book SET copies = copies + 10")
        conn.execute("UPDATE book SET copies = copies - 100 WHERE title = 'Dawn'")
except sqlite3.IntegrityError as e:
    print("rolled back:", e)
print("copies now:", conn.execute("SELECT sum(copies) FROM book").fetchone()[0])

conn.create_function("initial", 1, lambda s: s[0].upper())
print(conn.execute("SELECT group_concat(initial(title), '') FROM book").fetchone()[0])
conn.close()
print("database file:", os.path.getsize(DB) > 0)
os.remove(DB)
