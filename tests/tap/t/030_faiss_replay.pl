# The faiss index after replay: on a standby that checks every page (wal_consistency_checking), after crashes in the middle of writes
# and of VACUUM, and after an immediate shutdown. It must return what a sequential scan returns.
# PGML_CRASH_CYCLES=100 runs that many crashes.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use PgmlTest;

my $cycles = $ENV{PGML_CRASH_CYCLES} // 4;
my $primary = new_node('primary', allows_streaming => 1,
	settings => "wal_consistency_checking = 'all'\nwal_log_hints = on\nwal_keep_size = 4GB\nautovacuum = off\nrestart_after_crash = on\nmax_parallel_maintenance_workers = 0");
$primary->start;
load_vectors($primary, 3000);
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub same_everywhere
{
	my ($what) = @_;
	my ($index, $table) = nearest($primary);
	is($index, $table, "$what: the index equals the table");
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	my ($standby_index, $standby_table) = nearest($standby);
	is($standby_index, $table, "$what: and on the standby");
	is($standby_table, $table, "$what: as does its table");
	return;
}

same_everywhere('after a base backup');
$primary->safe_psql('postgres', 'INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(3001, 6000) i');
same_everywhere('after inserts');
$primary->safe_psql('postgres', 'DELETE FROM vectors WHERE id % 4 <> 1');
same_everywhere('after deletes');
$primary->safe_psql('postgres', 'VACUUM vectors');
same_everywhere('after compaction');
is($primary->safe_psql('postgres', q{SELECT rows, dead_rows < 2000 FROM pgml.index_info('vectors_v')}), '1500|t', 'three quarters were removed');
$primary->safe_psql('postgres', 'SELECT txid_current(); VACUUM vectors; INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(6001, 9000) i');
same_everywhere('after pages were used again');
$primary->safe_psql('postgres', 'TRUNCATE vectors; INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(1, 500) i');
same_everywhere('in an index made without rows');
$primary->safe_psql('postgres', 'INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(501, 4000) i; REINDEX INDEX CONCURRENTLY vectors_v');
same_everywhere('after REINDEX CONCURRENTLY');

# Crashes: a backend that writes is killed, and all others end with it.
my $next = 100_000;
for my $cycle (1 .. $cycles)
{
	my $from = $next;
	$next += 50_000;
	my $writer = IPC::Run::start([ 'psql', '-XAtq', '-d', $primary->connstr('postgres') ], '<', \<<"SQL", '>', \my $out, '2>', \my $err);
SELECT pg_backend_pid();
DO \$\$ BEGIN
FOR n IN 1 .. 1000 LOOP
	INSERT INTO vectors SELECT $from + n * 20 + i, some_vector($from + n * 20 + i) FROM generate_series(1, 20) i;
	COMMIT;
	DELETE FROM vectors WHERE id % 7 = n % 7 AND id % 3 <> 0 AND random() < 0.3;
	COMMIT;
END LOOP; END \$\$;
SQL
	my $vacuum = IPC::Run::start([ 'psql', '-XAtq', '-d', $primary->connstr('postgres') ], '<', \("VACUUM vectors;\n" x 500), '>', \my $vacuum_out, '2>', \my $vacuum_err);
	$writer->pump until $out =~ /^(\d+)\n/;
	my $pid = $1;
	usleep(100_000 + int(rand(900_000)));
	my $victim = $cycle % 2 ? $pid : $primary->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE query LIKE 'VACUUM%' AND backend_type = 'client backend' LIMIT 1}) || $pid;
	kill 'KILL', $victim;
	eval { $writer->finish };
	eval { $vacuum->finish };
	# restart_after_crash brings it back; every page of what it had logged is replayed.
	$primary->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
	same_everywhere("after crash $cycle");
}
$primary->safe_psql('postgres', 'VACUUM vectors');
$primary->stop('immediate');
$primary->start;
same_everywhere('after an immediate shutdown');
unlike(slurp_file($standby->logfile), qr/inconsistent page|PANIC|terminated by signal/, 'no inconsistent page during replay');
unlike(slurp_file($primary->logfile), qr/PANIC|TRAP|signal 11|signal 6|XX00/, 'no crash but those made');
$standby->stop;
$primary->stop;
done_testing();
