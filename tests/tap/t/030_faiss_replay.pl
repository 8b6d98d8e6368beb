# The faiss index after replay: on a standby that checks every page (wal_consistency_checking), after crashes in the middle of writes
# and of VACUUM, and after an immediate shutdown. It must return what a sequential scan returns.
# PGML_CRASH_CYCLES=100 runs that many crashes, PGML_CRASH_SEED chooses their moments.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use PgmlTest;

my $cycles = $ENV{PGML_CRASH_CYCLES} // 4;
my $seed = $ENV{PGML_CRASH_SEED} // int(rand(1_000_000));
srand($seed);
note("PGML_CRASH_SEED=$seed");
my ($primary, $standby) = checked_pair(3000);

same_everywhere($primary, $standby, 'after a base backup');
$primary->safe_psql('postgres', 'INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(3001, 6000) i');
same_everywhere($primary, $standby, 'after inserts');
$primary->safe_psql('postgres', 'DELETE FROM vectors WHERE id % 4 <> 1');
same_everywhere($primary, $standby, 'after deletes');
$primary->safe_psql('postgres', 'VACUUM vectors');
same_everywhere($primary, $standby, 'after compaction');
is($primary->safe_psql('postgres', q{SELECT rows, dead_rows < 2000 FROM pgml.index_info('vectors_v')}), '1500|t', 'three quarters were removed');
$primary->safe_psql('postgres', 'SELECT txid_current(); VACUUM vectors; INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(6001, 9000) i');
same_everywhere($primary, $standby, 'after pages were used again');
$primary->safe_psql('postgres', 'TRUNCATE vectors; INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(1, 500) i');
same_everywhere($primary, $standby, 'in an index made without rows');
$primary->safe_psql('postgres', 'INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(501, 4000) i; REINDEX INDEX CONCURRENTLY vectors_v');
same_everywhere($primary, $standby, 'after REINDEX CONCURRENTLY');

# Crashes: what is killed is, in turn, a session that writes, one that runs VACUUM, one that runs REINDEX CONCURRENTLY, and the
# postmaster. With a backend all others end; every page of what was logged is replayed.
my @victims = ('writer', 'VACUUM', 'REINDEX INDEX CONCURRENTLY', 'postmaster');

# A session that prints its process id, then runs $statements.
sub session
{
	my ($statements) = @_;
	my $out = '';
	my $session = { out => \$out, err => '' };
	$session->{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $primary->connstr('postgres') ],
		'<', \"SELECT pg_backend_pid();\n$statements", '>', $session->{out}, '2>', \$session->{err});
	$session->{run}->pump until $out =~ /^(\d+)\n/;
	$session->{pid} = $1;
	return $session;
}

my $next = 100_000;
for my $cycle (1 .. $cycles)
{
	my $started = time;
	my ($from, $kind) = ($next, $victims[ $cycle % @victims ]);
	$next += 50_000;
	# Old rows go, so that every cycle has as much to do as the first.
	$primary->safe_psql('postgres', "DELETE FROM vectors WHERE id < $from - 60000 OR id % 2 = 0 AND id > 10000");
	my $writer = session(<<"SQL");
DO \$\$ BEGIN
FOR n IN 1 .. 1000 LOOP
	INSERT INTO vectors SELECT $from + n * 20 + i, some_vector($from + n * 20 + i) FROM generate_series(1, 20) i;
	COMMIT;
	UPDATE vectors SET v = some_vector(id + n) WHERE id % 50 = n % 50;
	DELETE FROM vectors WHERE id % 7 = n % 7 AND id % 3 <> 0 AND random() < 0.3;
	COMMIT;
	BEGIN
		INSERT INTO vectors SELECT $from + 30000 + i, some_vector(i) FROM generate_series(1, 20) i;
		RAISE EXCEPTION 'undone';
	EXCEPTION WHEN raise_exception THEN NULL;
	END;
END LOOP; END \$\$;
SQL
	my $other = session($kind =~ /REINDEX/ ? "$kind vectors_v;\n" x 100 : "VACUUM vectors;\n" x 500);
	my @all = split /\n/, $primary->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
	usleep(100_000 + int(rand(900_000)));
	if ($kind eq 'postmaster')
	{
		$primary->kill9;
		# All of it, as when power fails: one that waits for a lock of a killed one would never notice that the postmaster is gone.
		kill 'KILL', @all;
	}
	else
	{
		kill 'KILL', $kind eq 'writer' ? $writer->{pid} : $other->{pid};
	}
	eval { $_->{run}->finish } for $writer, $other;
	unlike($writer->{err} . $other->{err}, qr/index ".*" (?:has a damaged page|returned tuples)|XX00|duplicate key/, "crash $cycle ($kind): no error but its own")
	  or diag($writer->{err}, $other->{err});
	start_after_kill($primary) if $kind eq 'postmaster';
	wait_until_ready($primary);
	# What an interrupted REINDEX CONCURRENTLY leaves.
	$primary->safe_psql('postgres', q{DO $$ DECLARE i regclass; BEGIN
		FOR i IN SELECT indexrelid FROM pg_index WHERE indrelid = 'vectors'::regclass AND NOT indisvalid LOOP EXECUTE format('DROP INDEX %s', i); END LOOP; END $$});
	same_everywhere($primary, $standby, "after crash $cycle ($kind)");
	note(sprintf 'cycle %d (%s): %d s, %s rows', $cycle, $kind, time - $started, $primary->safe_psql('postgres', 'SELECT count(*) FROM vectors'));
}
$primary->safe_psql('postgres', 'VACUUM vectors');
$primary->stop('immediate');
$primary->start;
same_everywhere($primary, $standby, 'after an immediate shutdown');
unlike(slurp_file($standby->logfile), qr/inconsistent page|PANIC|terminated by signal/, 'no inconsistent page during replay');
unlike(slurp_file($primary->logfile), qr/PANIC|TRAP|signal 11|signal 6|XX00/, 'no crash but those made');
$standby->stop;
$primary->stop;
done_testing();
