# Models in shared memory over many sessions, limits, crashes, standbys and kinds of shared memory.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $node = new_node('cache', allows_streaming => 1, settings => 'restart_after_crash = on');
$node->start;
load_project($node, 300);
my $right = predictions($node);

# Sessions that map the deployed version of a project, how often it was decoded, whether it has left the cache.
my $cached = q{SELECT sessions, loads, evicted FROM pgml.model_cache WHERE datname = 'postgres' AND project = '%s'};
my $ask = q{SELECT pgml.predict('%s', 100, 2, 'Oslo') IS NOT NULL};

sub cached { my ($project) = @_; return sprintf($cached, $project); }
sub ask { my ($project) = @_; return sprintf($ask, $project); }

# Segments of shared memory files that the server has.
sub segments
{
	my ($server) = @_;
	my $data = $server->data_dir;
	return scalar(() = glob("$data/pg_dynshmem/mmap.*"));
}

sub train
{
	my ($project, $trees) = @_;
	$node->safe_psql('postgres', "SELECT count(*) FROM pgml.train('$project', 'regression', 'sales', 'price', algorithm => 'xgboost',
		hyperparams => '{\"n_estimators\": $trees, \"max_depth\": 4}')");
	return;
}

sub set_size
{
	my ($size) = @_;
	$node->append_conf('postgresql.conf', "pgml.model_cache_size = $size");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('pgml.model_cache_size') = '$size'") or die 'no reload';
	return;
}

$node->poll_query_until('postgres', cached('price'), '0|1|f') or die 'the first sessions do not end';
pass('a model stays when the sessions that used it are gone, and was decoded once');

# Many sessions at once, none of which has seen the model: one decodes it, the others wait for it.
train('crowd', 900);
my @crowd = map { $node->background_psql('postgres') } 1 .. 6;
$_->query_safe('SELECT 1') foreach @crowd;
my $lock = $node->background_psql('postgres');
$lock->query_safe('SELECT pg_advisory_lock(7)');
$_->query_until(qr/go/, "\\echo go\nSELECT pg_advisory_lock_shared(7);\n" . ask('crowd') . ";\n") foreach @crowd;
$node->poll_query_until('postgres', q{SELECT count(*) = 6 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}) or die 'the crowd does not gather';
$lock->query_safe('SELECT pg_advisory_unlock(7)');
$node->poll_query_until('postgres', cached('crowd'), '6|1|f') or diag $node->safe_psql('postgres', 'TABLE pgml.model_cache');
is($node->safe_psql('postgres', cached('crowd')), '6|1|f', 'six sessions that come together share one copy');
$_->quit foreach (@crowd, $lock);

# A session that is terminated lets go.
my $victim = $node->background_psql('postgres');
$victim->query_safe(ask('crowd'));
$node->poll_query_until('postgres', cached('crowd'), '1|1|f') or die 'the crowd does not go';
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%crowd%' AND pid <> pg_backend_pid()});
ok($node->poll_query_until('postgres', cached('crowd'), '0|1|f'), 'a terminated session does not count any more');
$victim->{run}->kill_kill;

# Loading that is cut off, at whatever point, leaves nothing behind: the next session loads and shares.
train('cut', 900);
for my $timeout (1 .. 6)
{
	my ($status) = $node->psql('postgres', "SET statement_timeout = '${timeout}ms'; " . ask('cut'));
	last if $status == 0;
}
is($node->safe_psql('postgres', ask('cut')), 't', 'a model whose loading was cancelled');
ok($node->poll_query_until('postgres', cached('cut'), '0|1|f'), 'is loaded once and shared all the same');
$node->safe_psql('postgres', q{SELECT pgml.drop_project('cut')});

# The limit: who was used longest ago goes first.
train("small $_", 100) foreach (1 .. 3);
$node->safe_psql('postgres', join(';', map { ask("small $_") } 1 .. 3));
my $bytes = $node->safe_psql('postgres', q{SELECT max(bytes) FROM pgml.model_cache WHERE project LIKE 'small%'});
my $listed = q{SELECT string_agg(project, ',' ORDER BY project) FROM pgml.model_cache WHERE NOT evicted};
$node->safe_psql('postgres', ask('small 1'));
set_size(int(2.5 * $bytes / 1024) . 'kB');
$node->safe_psql('postgres', 'SELECT 1');
is($node->safe_psql('postgres', $listed), 'small 1,small 3', 'a lower limit evicts what was used longest ago');
$node->safe_psql('postgres', ask('small 2'));
is($node->safe_psql('postgres', $listed), 'small 1,small 2', 'so does a model that needs room');
is($node->safe_psql('postgres', ask('crowd') . ';' . ask('small 3')), "t\nt", 'all answer');
is($node->safe_psql('postgres', $listed), 'small 2,small 3', 'a model larger than the cache stays out and evicts nothing');

# A session keeps what it maps until its next transaction ends.
my $holder = $node->background_psql('postgres');
$holder->query_safe(ask('small 3'));
$node->safe_psql('postgres', ask('small 1') . ';' . ask('small 2'));
is($node->safe_psql('postgres', cached('small 3')), '1|2|t', 'an evicted model is there as long as a session maps it');
$holder->query_safe('SELECT 1');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pgml.model_cache WHERE project = 'small 3'}), '0', 'and goes when that session lets go');
$holder->query_safe(ask('small 3'));
is($node->safe_psql('postgres', cached('small 3')), '1|3|f', 'when it is asked for again, it is loaded again');
set_size('0');
$node->safe_psql('postgres', 'SELECT 1');
is($node->safe_psql('postgres', $listed), '', 'a size of 0 empties the cache');
is(predictions($node), $right, 'predictions without a cache');
is($node->safe_psql('postgres', $listed), '', 'leave nothing in it');
$holder->query_safe('SELECT 1');
$holder->quit;
set_size('256MB');

# No room in shared memory: the session decodes the model for itself.
SKIP:
{
	skip 'no prlimit', 2 if system('prlimit --version >/dev/null 2>&1') != 0;
	my $poor = $node->background_psql('postgres');
	my $pid = $poor->query_safe('SELECT pg_backend_pid()');
	system('prlimit', "--pid=$pid", '--fsize=20000:20000') == 0 or die 'prlimit';
	is($poor->query_safe(ask('crowd')), 't', 'a prediction without room in shared memory');
	is($node->safe_psql('postgres', cached('crowd')), '', 'is made without it');
	$poor->quit;
}

# A session that dies takes all down, and leaves nothing behind.
$node->safe_psql('postgres', ask('crowd'));
like($node->safe_psql('postgres', cached('crowd')), qr/^\d\|\d\|f$/, 'the cache is in use again');
$victim = $node->background_psql('postgres', on_error_stop => 0);
$victim->query_safe(ask('crowd'));
my $pid = $victim->query_safe('SELECT pg_backend_pid()');
my $start = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
kill 9, $pid;
$victim->{run}->finish;
$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $start, 'the postmaster has restarted its children');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pgml.model_cache'), '0', 'the cache is empty');
is(predictions($node), $right, 'and fills again');

# A database that is dropped takes its models along.
$node->safe_psql('postgres', 'CREATE DATABASE other TEMPLATE postgres');
is($node->safe_psql('other', ask('crowd')), 't', 'the models of another database');
my $count = q{SELECT count(*) FROM pgml.model_cache WHERE datname IS DISTINCT FROM 'postgres'};
is($node->safe_psql('postgres', $count), '1', 'are apart, in the cache too');
$node->safe_psql('postgres', 'DROP DATABASE other');
is($node->safe_psql('postgres', $count), '0', 'and go with their database');

# A standby has a cache of its own.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('cache_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
is(predictions($standby), $right, 'a standby predicts');
is($standby->safe_psql('postgres', cached('price')), '0|1|f', 'from its own cache');
my $reader = $standby->background_psql('postgres');
$reader->query_safe(ask('price'));
train_other_version($node);
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($reader->query_safe(q{SELECT round(pgml.predict('price', 100, 2, 'Oslo'))}),
	$node->safe_psql('postgres', q{SELECT round(pgml.predict('price', 100, 2, 'Oslo'))}), 'and follows a deployment');
$reader->quit;
$standby->stop;

# Every kind of shared memory that the server has.
foreach my $kind ('mmap', 'sysv', 'posix')
{
	$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = $kind");
	$node->append_conf('postgresql.conf', 'min_dynamic_shared_memory = ' . ($kind eq 'posix' ? '16MB' : '0'));
	$node->restart;
	my $before = segments($node);
	$holder = $node->background_psql('postgres');
	is($holder->query_safe(ask('crowd')), 't', "$kind: a prediction");
	is($node->safe_psql('postgres', ask('crowd')), 't', "$kind: and another");
	is($node->safe_psql('postgres', q{SELECT hits, loads FROM pgml.model_cache WHERE project = 'crowd'}), '1|1', "$kind: from one copy");
	is(segments($node), $before + 1, 'a file for it') if $kind eq 'mmap';
	$node->safe_psql('postgres', q{SELECT pgml.drop_project('crowd')}) if $kind eq 'posix';
	if ($kind eq 'mmap')
	{
		set_size('0');
		$holder->query_safe('SELECT 1');
		is(segments($node), $before, 'no file without it');
		set_size('256MB');
	}
	$holder->quit;
}
$node->stop;
done_testing();
