# A faiss index built with parallel workers: it has the pages of one built without, whoever encoded which row; a worker's error reaches the
# client as its own; and when the command is cancelled, or a process is terminated, workers end and nothing is left.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use PgmlTest;

# Shared segments and temporary files then are files in the data directory.
my $node = new_node('parallel', settings => "autovacuum = off\nmin_parallel_table_scan_size = 0\nmax_parallel_maintenance_workers = 2\n"
	. "log_min_messages = debug1\ndynamic_shared_memory_type = mmap\nfull_page_writes = off\njit = off");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pgml_am;
CREATE FUNCTION noise(i bigint, dims int) RETURNS vector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	'SELECT array_agg((hashint8extended(i * 10000 + j, 7) & 65535)::real / 65536 + (i * 7919 + j) % 5 ORDER BY j)::vector FROM generate_series(1, dims) j';
CREATE TABLE rows (id int, v vector(24)) WITH (fillfactor = 70);
INSERT INTO rows SELECT i, CASE WHEN i % 50 > 0 THEN noise(i % 3800, 24) END FROM generate_series(1, 4000) i;
DELETE FROM rows WHERE id % 11 = 0;
UPDATE rows SET id = -id WHERE id % 4 = 0; -- new versions, most in the same page
CREATE TABLE wide (id int, v vector(1500));
INSERT INTO wide SELECT i, noise(i, 1500) FROM generate_series(1, 400) i;
-- Does in the leader, or in the workers, what the session asks for, while rows are encoded. The setting goes to workers with all others.
CREATE FUNCTION traced(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	leader bool = pg_backend_pid() = current_setting('test.leader')::int;
	wanted text = split_part(current_setting('test.act'), ' ', CASE WHEN leader THEN 1 ELSE 2 END);
BEGIN
	IF leader AND wanted <> 'nothing' THEN
		PERFORM pg_stat_clear_snapshot();
		IF NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index WHERE pid = pg_backend_pid() AND phase LIKE '%encoding%') THEN RETURN v; END IF;
	END IF;
	IF wanted = 'slow' THEN PERFORM pg_sleep(0.003);
	ELSIF wanted = 'sleep' THEN PERFORM pg_sleep(600);
	ELSIF wanted = 'fail' THEN RAISE EXCEPTION 'this row fails' USING ERRCODE = '22012', HINT = 'Hint of the row.';
	END IF;
	RETURN v;
END $$;
SQL

# The pages of the index but for what differs between two builds: LSN, checksum, and the meta page with the number of the build; of
# that, what it says.
sub content
{
	$node->safe_psql('postgres', 'CHECKPOINT');
	my $pages = slurp_file($node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('built')}));
	my $n = length($pages) / 8192;
	substr($pages, $_ * 8192, 10) = "\0" x 10 for 0 .. $n - 1;
	return ($n, substr($pages, 8192), $node->safe_psql('postgres',
		q{SELECT rows, built_rows, dimensions, factory, recall_curve, round(drift::numeric, 6) FROM pgml.index_info('built')}));
}

sub build
{
	my ($table, $what, $workers, $settings) = @_;
	$node->safe_psql('postgres', "ALTER TABLE $table SET (parallel_workers = $workers)");
	my $offset = -s $node->logfile;
	$node->safe_psql('postgres', "DROP INDEX IF EXISTS built; SELECT set_config('test.leader', pg_backend_pid()::text, false); $settings; CREATE INDEX built ON $table USING faiss $what");
	my ($by_workers) = slurp_file($node->logfile, $offset) =~ /parallel workers encoded (\d+) of/;
	return $by_workers;
}

# With 1 MB, all participants have temporary files.
for my $case ([ '64MB', 'rows', '(v)' ], [ '1MB', 'rows', q{(v vector_cosine_ops) WITH (factory = 'IVF20,PQ12x4fs,RFlat')} ], [ '1MB', 'rows', q{(v vector_ip_ops) WITH (factory = 'IVF9,SQ8') WHERE id > 0} ],
	[ '64MB', 'wide', q{(v) WITH (factory = 'Flat')} ], [ '1MB', 'wide', '(v)' ], [ '64MB', 'rows', '((traced(v)::vector(24)))' ], [ '1MB', 'rows', '((traced(v)::vector(24)))' ])
{
	my ($memory, $table, $what) = @$case;
	my $settings = "SET maintenance_work_mem = '$memory'";
	is(build($table, $what, 0, "$settings; SET test.act = 'nothing nothing'"), undef, "$table $what, $memory: without workers");
	my ($pages, $content, $info) = content();
	# The leader waits at each row of that function: workers encode nearly all.
	my $by_workers = build($table, $what, 2, "$settings; SET test.act = 'slow nothing'");
	ok(defined $by_workers, 'with workers');
	cmp_ok($by_workers, '>', 500, 'they encode rows') if $what =~ /traced/;
	my ($parallel_pages, $parallel_content, $parallel_info) = content();
	is($parallel_pages, $pages, 'as many pages');
	ok($parallel_content eq $content, 'of the same content');
	is($parallel_info, $info, 'which were measured alike');
}
$node->safe_psql('postgres', 'DROP INDEX built');

# All that a build makes beside catalog rows: files of relations that are not the catalog's, temporary files, shared segments.
sub files
{
	$node->safe_psql('postgres', 'CHECKPOINT');
	my $dir = $node->data_dir;
	my $database = $node->safe_psql('postgres', q{SELECT oid FROM pg_database WHERE datname = 'postgres'});
	my @relations = grep { m{/(\d+)[^/]*$} && $1 >= 16384 } glob("$dir/base/$database/*");
	my @files = (@relations, glob("$dir/base/pgsql_tmp/*"), glob("$dir/base/pgsql_tmp/*/*"), glob("$dir/pg_dynshmem/*"));
	# A file that was dropped is there, empty, until the checkpoint after.
	return map { substr($_, length $dir) => 1 } grep { -s || m{/pg} } @files;
}

my $workers = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'};
my $create = 'CREATE INDEX built ON rows USING faiss ((traced(v)::vector(24)))';
my %before;

sub nothing_left
{
	my ($what) = @_;
	ok($node->poll_query_until('postgres', "SELECT ($workers) = 0"), "$what: no worker is left");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname LIKE 'built%'}), '0', "$what: no index");
	my %after = files();
	is(join(' ', grep { !$before{$_} } sort keys %after), '', "$what: no file");
	return;
}

sub start_build
{
	my ($act, $more) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query("SELECT set_config('test.leader', pg_backend_pid()::text, false); SET test.act = '$act'; SET maintenance_work_mem = '1MB'; " . ($more // ''));
	my $pid = $session->query('SELECT pg_backend_pid()');
	$session->{stdin} .= "\\set VERBOSITY verbose\n$create;\n\\echo it is over\n";
	$session->{run}->pump_nb;
	return ($session, $pid);
}

sub error_of
{
	my ($session) = @_;
	$session->{run}->pump until $session->{stdout} =~ /it is over/;
	my $error = $session->{stderr};
	$session->{stdout} = $session->{stderr} = '';
	return $error;
}

$node->safe_psql('postgres', 'CREATE TABLE first_file (a int)');
%before = files();

# A worker's error.
my ($session, $pid) = start_build('slow fail');
my $error = error_of($session);
like($error, qr/ERROR:  22012: this row fails/, 'an error of a worker: the message and its code');
like($error, qr/HINT:  Hint of the row.*CONTEXT:.*parallel worker/s, 'an error of a worker: hint and context');
# A session that has used workers keeps a segment for them, and no more.
my $segments = sub { return scalar(() = glob($node->data_dir . '/pg_dynshmem/*')) };
my $n_segments = $segments->();
for (1 .. 3)
{
	$session->query($create);
	like($session->{stderr}, qr/ERROR:  22012: this row fails/, 'once more');
	$session->{stderr} = '';
}
is($segments->(), $n_segments, 'no segment more');
$session->quit;
nothing_left('an error of a worker');
# The leader's, while workers are busy.
($session, $pid) = start_build('fail sleep');
like(error_of($session), qr/ERROR:  22012: this row fails/, 'an error of the leader');
$session->quit;
nothing_left('an error of the leader');

# Cancelled while all wait, while the leader waits for its workers, and while they encode.
for my $act ('sleep sleep', 'nothing sleep', 'slow slow')
{
	($session, $pid) = start_build($act);
	ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE leader_pid = $pid AND backend_type = 'parallel worker' AND query LIKE 'CREATE INDEX built%'"),
		"$act: workers show the command");
	is($node->safe_psql('postgres', "SELECT phase FROM pg_stat_progress_create_index WHERE pid = $pid"), 'building index: encoding rows', "$act: and the leader the phase");
	my $start = time;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	like(error_of($session), qr/ERROR:  57014: canceling statement due to user request/, "$act: cancelled");
	cmp_ok(time - $start, '<', 15, "$act: soon");
	is($session->query('SELECT 1'), '1', "$act: the session goes on");
	$session->quit;
	nothing_left($act);
}
($session, $pid) = start_build('sleep sleep', 'SET statement_timeout = 1500');
like(error_of($session), qr/ERROR:  57014: canceling statement due to statement timeout/, 'statement_timeout');
$session->quit;
nothing_left('statement_timeout');

# A worker is terminated: the command ends. So do workers when the leader is.
($session, $pid) = start_build('sleep sleep');
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE leader_pid = $pid"), 'workers run');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE leader_pid = $pid LIMIT 1) s");
like(error_of($session), qr/ERROR:  57P01: terminating .*parallel worker/s, 'a worker is terminated');
$session->quit;
nothing_left('a worker is terminated');
($session, $pid) = start_build('sleep sleep');
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE leader_pid = $pid"), 'workers run');
is($node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 20000)"), 't', 'the leader is terminated');
nothing_left('the leader is terminated');
$session->{run}->kill_kill;

# Progress: rows done by all, of all.
($session, $pid) = start_build('slow slow');
ok($node->poll_query_until('postgres', "SELECT tuples_done > 0 AND tuples_total = (SELECT count(v) FROM rows) AND blocks_total > 0 FROM pg_stat_progress_create_index WHERE pid = $pid"), 'progress');
is(error_of($session), '', 'built');
$session->quit;
# No process to spare: the leader does it alone.
$node->safe_psql('postgres', 'DROP INDEX built');
$node->append_conf('postgresql.conf', 'max_parallel_workers = 0');
$node->reload;
is(build('rows', '(v)', 2, "SET test.act = 'nothing nothing'"), undef, 'no worker to be had');
is($node->safe_psql('postgres', q{SELECT rows = (SELECT count(v) FROM rows) FROM pgml.index_info('built')}), 't', 'the index is whole');
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|XX000/, 'the server had no trouble');
done_testing();
