// The peer of the trace's append benchmark: plain SQLite in C, the same columns, the same grouping, no hashing.
//
// Writers are threads that each hand over one row and wait until it is durable; one thread writes all rows that wait
// in one transaction (WAL, synchronous=FULL), then wakes their writers. Commitments, hashes and salts are constant
// bytes: what is left out is the work that makes the rows evidence.
//
//   cc -O2 -o sqlite_grouped sqlite_grouped.c -lsqlite3 -lpthread
//   ./sqlite_grouped DATABASE [WRITERS [SECONDS [PAYLOAD-BYTES [WAL-PAGES]]]]

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_WRITERS 1024
#define MAX_EVENTS_PER_COMMIT 2000

struct writer {
  pthread_t thread;
  sem_t done;
  int number;
  long long seq;
  double *latencies;
  size_t count, room;
  struct writer *next;
};

static struct writer writers[MAX_WRITERS];
static struct writer *waiting_first, *waiting_last;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static int writer_count = 200, running = 0;
static double seconds = 10, end_time;
static int payload_bytes = 400, wal_pages = 4000;
static char *payload;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static void check(sqlite3 *db, int code, const char *what) {
  if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
  fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
  exit(1);
}

static void *write_events(void *argument) {
  struct writer *me = argument;
  while (now() < end_time) {
    double begun = now();
    me->seq += 1;
    pthread_mutex_lock(&lock);
    me->next = NULL;
    if (waiting_last) waiting_last->next = me; else waiting_first = me;
    waiting_last = me;
    pthread_cond_signal(&arrived);
    pthread_mutex_unlock(&lock);
    while (sem_wait(&me->done) != 0) {}
    if (me->count == me->room) {
      me->room = me->room ? me->room * 2 : 1024;
      me->latencies = realloc(me->latencies, me->room * sizeof(double));
    }
    me->latencies[me->count++] = now() - begun;
  }
  pthread_mutex_lock(&lock);
  running -= 1;
  pthread_cond_signal(&arrived);
  pthread_mutex_unlock(&lock);
  return NULL;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int count, char **arguments) {
  if (count < 2) {
    fprintf(stderr, "usage: sqlite_grouped DATABASE [WRITERS [SECONDS [PAYLOAD-BYTES [WAL-PAGES]]]]\n");
    return 64;
  }
  if (count > 2) writer_count = atoi(arguments[2]);
  if (count > 3) seconds = atof(arguments[3]);
  if (count > 4) payload_bytes = atoi(arguments[4]);
  if (count > 5) wal_pages = atoi(arguments[5]);
  if (writer_count < 1 || writer_count > MAX_WRITERS || payload_bytes < 1) return 64;
  payload = malloc((size_t)payload_bytes);
  memset(payload, 'x', (size_t)payload_bytes);

  sqlite3 *db;
  check(NULL, sqlite3_open_v2(arguments[1], &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL), "open");
  sqlite3_wal_autocheckpoint(db, wal_pages);
  check(db, sqlite3_exec(db,
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "CREATE TABLE events (id INTEGER PRIMARY KEY, case_ref INTEGER NOT NULL, seq INTEGER NOT NULL, turn TEXT,"
    " kind TEXT NOT NULL, time TEXT NOT NULL, commitment BLOB NOT NULL, kept_commitment BLOB, hash BLOB NOT NULL,"
    " salt BLOB, kept BLOB, payload_file BLOB, payload BLOB) STRICT;"
    "CREATE UNIQUE INDEX events_by_seq ON events (case_ref, seq);", NULL, NULL, NULL), "schema");
  sqlite3_stmt *insert, *begin, *commit;
  check(db, sqlite3_prepare_v2(db,
    "INSERT INTO events (case_ref, seq, turn, kind, time, commitment, hash, salt, payload)"
    " VALUES (?, ?, ?, 'tool.returned', '2026-03-01T08:00:00.000Z', ?, ?, ?, ?)", -1, &insert, NULL), "prepare");
  check(db, sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &begin, NULL), "prepare");
  check(db, sqlite3_prepare_v2(db, "COMMIT", -1, &commit, NULL), "prepare");

  double start = now();
  end_time = start + seconds;
  running = writer_count;
  for (int i = 0; i < writer_count; i++) {
    writers[i].number = i;
    sem_init(&writers[i].done, 0, 0);
    pthread_create(&writers[i].thread, NULL, write_events, &writers[i]);
  }
  static unsigned char digest[32];
  long long commits = 0;
  for (;;) {
    pthread_mutex_lock(&lock);
    while (!waiting_first && running > 0) pthread_cond_wait(&arrived, &lock);
    struct writer *group = waiting_first;
    waiting_first = waiting_last = NULL;
    int is_over = !group && running == 0;
    pthread_mutex_unlock(&lock);
    if (is_over) break;
    check(db, sqlite3_step(begin), "begin");
    sqlite3_reset(begin);
    for (struct writer *w = group; w; w = w->next) {
      char turn[32];
      snprintf(turn, sizeof turn, "turn-%d-%lld", w->number, w->seq / 20);
      sqlite3_bind_int(insert, 1, w->number);
      sqlite3_bind_int64(insert, 2, w->seq);
      sqlite3_bind_text(insert, 3, turn, -1, SQLITE_TRANSIENT);
      sqlite3_bind_blob(insert, 4, digest, 32, SQLITE_STATIC);
      sqlite3_bind_blob(insert, 5, digest, 32, SQLITE_STATIC);
      sqlite3_bind_blob(insert, 6, digest, 32, SQLITE_STATIC);
      sqlite3_bind_blob(insert, 7, payload, payload_bytes, SQLITE_STATIC);
      check(db, sqlite3_step(insert), "insert");
      sqlite3_reset(insert);
    }
    check(db, sqlite3_step(commit), "commit");
    sqlite3_reset(commit);
    commits += 1;
    while (group) {
      struct writer *next = group->next;
      sem_post(&group->done);
      group = next;
    }
  }
  double elapsed = now() - start;
  size_t total = 0;
  for (int i = 0; i < writer_count; i++) {
    pthread_join(writers[i].thread, NULL);
    total += writers[i].count;
  }
  double *all = malloc(total * sizeof(double));
  size_t place = 0;
  for (int i = 0; i < writer_count; i++) {
    memcpy(all + place, writers[i].latencies, writers[i].count * sizeof(double));
    place += writers[i].count;
  }
  qsort(all, total, sizeof(double), by_value);
  printf("{\"writers\": %d, \"payloadBytes\": %d, \"events\": %zu, \"eventsPerSecond\": %.0f, \"p50Milliseconds\": %.3f, "
         "\"p99Milliseconds\": %.3f, \"longestMilliseconds\": %.3f, \"eventsPerCommit\": %.1f}\n",
         writer_count, payload_bytes, total, total / elapsed, all[total / 2] * 1e3, all[total * 99 / 100] * 1e3,
         all[total - 1] * 1e3, (double)total / (double)commits);
  sqlite3_close(db);
  return 0;
}
