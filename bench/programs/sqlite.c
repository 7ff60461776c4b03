// A day in the life of a database: sqlite SIZE. Opens `test.db` in the directory that is descriptor 3, with a journal
// on disk, and does the work of a small application: rows one transaction each, rows in bulk, an index, lookups by key,
// ranges, a join, updates, deletes and a vacuum. Prints a checksum that must be the same everywhere.
//
// Built with SQLite's own sources, which bench/programs/build.mjs fetches; they are not part of this repository.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "sqlite3.h"

static sqlite3 *database;
static unsigned state = 12345;

static unsigned next_random(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static void check(int result, const char *what) {
  if (result == SQLITE_OK || result == SQLITE_ROW || result == SQLITE_DONE) return;
  fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(database));
  exit(1);
}

static void execute(const char *sql) { check(sqlite3_exec(database, sql, NULL, NULL, NULL), sql); }

static sqlite3_stmt *prepare(const char *sql) {
  sqlite3_stmt *statement;
  check(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), sql);
  return statement;
}

static void insert_rows(sqlite3_stmt *insert, int first, int count) {
  char text[64];
  for (int i = first; i < first + count; i++) {
    snprintf(text, sizeof text, "the row number %d has %u", i, next_random() % 1000);
    sqlite3_bind_int(insert, 1, i);
    sqlite3_bind_int(insert, 2, (int)(next_random() % 10000));
    sqlite3_bind_text(insert, 3, text, -1, SQLITE_TRANSIENT);
    check(sqlite3_step(insert), "insert");
    sqlite3_reset(insert);
  }
}

static long long total(const char *sql, int rounds, int range) {
  sqlite3_stmt *statement = prepare(sql);
  long long sum = 0;
  for (int i = 0; i < rounds; i++) {
    sqlite3_bind_int(statement, 1, (int)(next_random() % (unsigned)range));
    while (sqlite3_step(statement) == SQLITE_ROW) sum += sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
  }
  sqlite3_finalize(statement);
  return sum;
}

int main(int count, char **arguments) {
  const int size = count > 1 ? atoi(arguments[1]) : 100;
  const int bulk = size * 100;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  unlink("test.db");
  // A WebAssembly program has no file locks.
  check(sqlite3_open_v2("test.db", &database, flags, "unix-none"), "open");
  // A small page cache, so that pages come from the file.
  execute("PRAGMA cache_size = 100; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE");
  execute("CREATE TABLE one(id INTEGER PRIMARY KEY, number INTEGER, text TEXT)");
  execute("CREATE TABLE two(id INTEGER PRIMARY KEY, number INTEGER, text TEXT)");
  sqlite3_stmt *insert = prepare("INSERT INTO one VALUES(?1, ?2, ?3)");
  insert_rows(insert, 0, size);
  execute("BEGIN");
  insert_rows(insert, size, bulk);
  execute("COMMIT");
  sqlite3_finalize(insert);
  execute("INSERT INTO two SELECT id, number, text FROM one WHERE number < 5000");
  execute("CREATE INDEX by_number ON one(number)");
  long long sum = total("SELECT number FROM one WHERE id = ?1", bulk, bulk);
  sum += total("SELECT length(text) FROM one WHERE number BETWEEN ?1 AND ?1 + 20", size, 10000);
  sum += total("SELECT count(*) FROM one JOIN two ON one.id = two.id WHERE one.number > ?1", 3, 10000);
  execute("BEGIN");
  total("UPDATE one SET number = number + 1 WHERE id = ?1", bulk / 4, bulk);
  execute("COMMIT");
  total("DELETE FROM two WHERE id = ?1", size, bulk);
  execute("VACUUM");
  sum += total("SELECT sum(number) FROM one WHERE id > ?1", 1, 10);
  check(sqlite3_close(database), "close");
  printf("%lld\n", sum);
  unlink("test.db");
  return 0;
}
