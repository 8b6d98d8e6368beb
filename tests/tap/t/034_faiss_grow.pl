# A faiss index that was made before its rows grows during VACUUM, while others insert, delete and search; it equals the table
# afterwards, on a standby that checks every page too, and after a crash in the middle. PGML_CRASH_CYCLES=100 runs that many crashes.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use PgmlTest;

my $cycles = $ENV{PGML_CRASH_CYCLES} // 1;
my $seed = $ENV{PGML_CRASH_SEED} // int(rand(2**31));
srand($seed);
note "PGML_CRASH_SEED=$seed";
my ($primary, $standby) = checked_pair(10);

# Rows that are ready: making them takes longer than inserting.
$primary->safe_psql('postgres', 'CREATE TABLE ready AS SELECT i AS id, some_vector(i) AS v FROM generate_series(1, 11000) i');
sub refill
{
	$primary->safe_psql('postgres', 'TRUNCATE vectors; INSERT INTO vectors SELECT id, v FROM ready ORDER BY id LIMIT 10500');
	return;
}
sub lists { return $primary->safe_psql('postgres', q{SELECT lists FROM pgml.index_info('vectors_v')}); }

# Writers and searches while it grows.
refill();
is(lists(), 1, 'one list without VACUUM');
my $dir = $primary->basedir;
open(my $file, '>', "$dir/write.sql") or die;
print $file <<'SQL';
\set n random(20000, 900000000)
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
INSERT INTO vectors SELECT :n, some_vector(:n);
DELETE FROM vectors WHERE id = (SELECT id FROM vectors WHERE id <> :n ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED);
SELECT 1 / count(*) FROM (SELECT id FROM vectors ORDER BY v <-> some_vector(:n) LIMIT 1) s WHERE id = :n;
SELECT 1 / (count(*) = count(DISTINCT id))::int FROM (SELECT id FROM vectors ORDER BY v <-> some_vector(:n) LIMIT 500) s;
COMMIT;
SQL
close $file;
my $out = '';
my $writers = IPC::Run::start([ 'pgbench', '-n', '-c', 3, '-t', $ENV{PGML_WRITES} // 50, '-f', "$dir/write.sql", '-d', $primary->connstr('postgres') ], '>', \$out, '2>&1');
usleep(200_000);
$primary->safe_psql('postgres', 'VACUUM vectors');
cmp_ok(lists(), '>', 1, 'VACUUM gave it lists');
ok($writers->finish, 'writers ran to their end');
unlike($out, qr/ERROR|aborted/, 'and met no error') or diag($out);
same_everywhere($primary, $standby, 'after growing beside writers');
$primary->safe_psql('postgres', 'SELECT txid_current(); VACUUM vectors');
same_everywhere($primary, $standby, 'after the next VACUUM');

# Crashes while it grows: a backend is killed, and all others end with it.
my $most = 0;
for my $cycle (1 .. $cycles)
{
	refill();
	my $kills = 0;
	while ($kills < 3)
	{
		my $vacuum = IPC::Run::start([ 'psql', '-XAtq', '-d', $primary->connstr('postgres') ],
			'<', \"SELECT pg_backend_pid();\nVACUUM vectors;\n", '>', \my $pid, '2>', \my $err);
		# The server may be about to notice the kill before: then psql ends at once, and another one tries.
		eval { $vacuum->pump until $pid =~ /^(\d+)\n/ };
		if ($pid =~ /^(\d+)\n/)
		{
			my $victim = $1;
			usleep(int(rand(400_000)));
			kill 'KILL', $victim;
			$kills++;
		}
		eval { $vacuum->finish };
		$primary->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
	}
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	same_everywhere($primary, $standby, "crashes of cycle $cycle");
	$primary->safe_psql('postgres', 'VACUUM vectors');
	cmp_ok(lists(), '>', 1, "cycle $cycle: the next VACUUM gave it lists");
	same_everywhere($primary, $standby, "growing after crashes of cycle $cycle");
}
# What crashes left of growing is used again: the pages of the old list, of the new lists and of one more try are all there are.
my $pages = $primary->safe_psql('postgres', q{SELECT pages FROM pgml.index_info('vectors_v')});
$primary->safe_psql('postgres', 'REINDEX INDEX vectors_v');
my $fresh = $primary->safe_psql('postgres', q{SELECT pages FROM pgml.index_info('vectors_v')});
cmp_ok($pages, '<', 5 * $fresh, 'pages of growing that did not end are used again');
unlike(slurp_file($primary->logfile), qr/TRAP|XX00|inconsistent page/, 'the primary had no trouble');
unlike(slurp_file($standby->logfile), qr/PANIC|FATAL.*inconsistent|TRAP|XX00/, 'the standby had no trouble');
$standby->stop;
$primary->stop;
done_testing();
