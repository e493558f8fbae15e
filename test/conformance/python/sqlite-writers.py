"""SQLite with a write-ahead log: four writers and a reader lose nothing, nor when one is killed."""
import os
import signal
import sqlite3
import time

from check import directory

path = os.fsdecode(directory) + "/db"
database = sqlite3.connect(path)
assert database.execute("pragma journal_mode=wal").fetchone()[0] == "wal"
database.execute("create table t(who,n)")
database.commit()
database.close()
rows = 2000
writers = []
for writer in range(5):
    pid = os.fork()
    if pid == 0:
        database = sqlite3.connect(path, timeout=300)
        for number in range(rows if writer < 4 else 10**9):
            with database:
                database.execute("insert into t values(?,?)", (writer, number))
        os._exit(0)
    writers.append(pid)
database = sqlite3.connect(path, timeout=300)
while database.execute("select count(*) from t where who=4").fetchone()[0] < 100:
    time.sleep(0.01)
os.kill(writers[4], signal.SIGKILL)
for pid in writers:
    os.waitpid(pid, 0)
counts = database.execute("select who,count(*) from t where who<4 group by who").fetchall()
assert counts == [(writer, rows) for writer in range(4)]
count, next_number = database.execute("select count(*),max(n)+1 from t where who=4").fetchone()
assert count == next_number >= 100
assert database.execute("pragma integrity_check").fetchone()[0] == "ok"
