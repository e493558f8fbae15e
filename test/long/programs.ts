// Programs of others that live on a file system for a while. Each is run as Debian brings it, on tmpfs too, and nothing is
// fetched; where one is missing its check is skipped, and the package is named.
import { shell } from './shell.js';

export interface Program {
  /** Commands, or patterns of their files. */
  readonly needs: readonly string[];
  /** Debian's packages that bring them. */
  readonly packages: readonly string[];
  readonly check: (dir: string) => unknown;
}

export const programs: Readonly<Record<string, Program>> = {
  'npm installs packages, and TypeScript compiles this project to what it is elsewhere': {
    needs: ['npm', 'node'],
    packages: ['npm'],
    check: dir =>
      shell(
        dir,
        `
mkdir packed app; cd packed
for name in uvu dequal diff kleur sade mri lru-cache node-addon-api tinybench fast-check pure-rand; do
  npm pack --silent --ignore-scripts "$TREE/$name" >/dev/null
done
cd ../app; npm init -y >/dev/null; npm install --offline --ignore-scripts --no-audit --no-fund --silent ../packed/*.tgz
for name in $(ls node_modules); do diff -r "node_modules/$name" "$TREE/$name"; done
cd ..; mkdir project; cp -r "$PROJECT"/{src,test,bench,package.json,tsconfig.json} project; ln -s "$TREE" project/node_modules
cd project; node_modules/.bin/tsc -p .
find dist/src -name '*.js' | while read -r file; do cmp "$file" "$PROJECT/$file"; done
echo "$(find .. -type f | wc -l) files"
`,
      ),
  },

  'rsync with links, ACLs and extended attributes finds nothing left to do': {
    needs: ['rsync', 'setfacl', 'setfattr'],
    packages: ['rsync', 'acl', 'attr'],
    check: dir =>
      shell(
        dir,
        `
rsync -aHAX "$TREE/" copy/
[ -z "$(rsync -aHAXnic --delete "$TREE/" copy/)" ]
echo changed >> copy/typescript/package.json; rm -r copy/uvu; ln copy/kleur/package.json copy/linked
rsync -aHAX --delete --inplace "$TREE/" copy/; [ -z "$(rsync -aHAXnic --delete "$TREE/" copy/)" ]
setfacl -m u:1234:rw,m::rw copy/kleur/package.json; setfacl -d -m g:77:rx copy/kleur; setfattr -n user.a -v b copy/kleur
rsync -aHAX copy/kleur/ again/; cp -a copy/kleur third
for where in again third; do [ "$(cd $where; getfacl -R .; getfattr -d .)" = "$(cd copy/kleur; getfacl -R .; getfattr -d .)" ]; done
getfacl -c again/package.json | grep 'user:1234:rw-'
`,
      ),
  },

  'SQLite by its shell: each way to keep a journal, an index, deletions and a vacuum': {
    needs: ['sqlite3'],
    packages: ['sqlite3'],
    check: dir =>
      shell(
        dir,
        `
for mode in wal delete truncate persist; do
  rm -f db*
  [ "$(sqlite3 db "pragma journal_mode=$mode; create table t(a integer primary key, b text);
    with recursive c(x) as (select 1 union all select x+1 from c where x<200000) insert into t select x, hex(randomblob(20)) from c;
    create index i on t(b); update t set b=hex(randomblob(30)) where a%7=0; delete from t where a%11=0; vacuum;
    pragma integrity_check; select count(*) from t;" | tail -n 2 | tr '\\n' ' ')" = "ok 181819 " ]
done
`,
      ),
  },

  'PostgreSQL with checksums lives here under pgbench, is stopped dead, recovers, and its sums agree': {
    needs: ['/usr/lib/postgresql/*/bin/pgbench', 'runuser'],
    packages: ['postgresql', 'postgresql-contrib'],
    check: dir =>
      shell(
        dir,
        `
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1); here=$PWD
mkdir pg; chown postgres pg
as() { (cd pg; runuser -u postgres -- "$bin/$@"); }
start() { as pg_ctl -D d -o "-c listen_addresses= -k $here/pg" -l log -w start >/dev/null; }
ask() { as psql -h "$here/pg" -Atc "$1" postgres; }
as initdb -D d --data-checksums >/dev/null
trap 'as pg_ctl -D d -m immediate stop >/dev/null 2>&1 || true' EXIT
start
as pgbench -h "$here/pg" -i -q -s 5 postgres >/dev/null 2>&1
as pgbench -n -h "$here/pg" -c 4 -T 30 postgres >bench
as pgbench -n -h "$here/pg" -c 4 -T 30 postgres >/dev/null 2>&1 & sleep 5; as pg_ctl -D d -m immediate stop >/dev/null; wait $! || true
start
[ "$(ask 'select count(*) from pgbench_accounts')" = 500000 ]
[ "$(ask 'select (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches)
  and (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history)')" = t ]
as pg_ctl -D d -m fast -w stop >/dev/null
as pg_checksums --check -D d >/dev/null
grep '^tps' bench
`,
      ),
  },

  'a project in C is built by autotools and make, at once by several jobs, and again after a touch': {
    needs: ['gcc', 'make', 'autoreconf', 'libtoolize'],
    packages: ['gcc', 'make', 'autoconf', 'automake', 'libtool'],
    check: dir =>
      shell(
        dir,
        `
cp -r "$PROJECT"/native/include "$PROJECT"/native/examples .
cat >configure.ac <<'END'
AC_INIT([examples],[1])
AM_INIT_AUTOMAKE([foreign subdir-objects])
AC_PROG_CC
AC_CONFIG_HEADERS([config.h])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
END
cat >Makefile.am <<'END'
AM_CPPFLAGS = -I$(srcdir)/include
bin_PROGRAMS = hello direct
noinst_HEADERS = include/leasefs.h
hello_SOURCES = examples/hello-lease.c
direct_SOURCES = examples/direct-map.c
END
autoreconf -if >/dev/null 2>&1; mkdir out; cd out; ../configure >/dev/null; make -j4 >/dev/null; make install DESTDIR="$PWD/inst" >/dev/null
[ -x inst/usr/local/bin/hello ]; ! make | grep gcc; touch ../examples/hello-lease.c
make | grep hello-lease.c >/dev/null; ! make | grep gcc; make distcheck >/dev/null
`,
      ),
  },

  'fio verifies by crc32c what it wrote by calls, by mappings and by io_uring': {
    needs: ['fio'],
    packages: ['fio'],
    check: dir =>
      shell(
        dir,
        `
for engine in psync mmap io_uring; do
  job="--name=j --ioengine=$engine --rw=randwrite --bsrange=1k-64k --size=32m --nrfiles=8 --numjobs=2
    --verify=crc32c --verify_fatal=1 --verify_state_save=0"
  fio $job --loops=10 --verify_backlog=1024 >out || { cat out; exit 1; }
  fio $job --iodepth=16 --end_fsync=1 >out || { cat out; exit 1; }
  sync .; fio $job --verify_only >out || { cat out; exit 1; }
  rm j.*
done
`,
      ),
  },

  'the stressors of stress-ng for file systems, each for a second with its own checks': {
    needs: ['stress-ng'],
    packages: ['stress-ng'],
    check: dir =>
      shell(
        dir,
        `
stress-ng --temp-path "$PWD" --class filesystem --exclude bind-mount,binderfs --seq 2 --timeout 1 --verify --metrics-brief >out 2>&1 || { grep -iE 'fail|error|abort' out; exit 1; }
! grep -E 'stress-ng: (fail|error)' out
echo "$(grep -c 'metrc\\|metrics' out) lines of figures"
`,
      ),
  },
};
