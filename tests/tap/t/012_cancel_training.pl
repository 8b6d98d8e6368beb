# A training ends at once when it is asked to, in every phase: also in the middle of a call of the library, which cannot be
# interrupted and goes on for a while on its thread. The session goes on, and the process can end under such a call.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use PgmlTest;

my $node = new_node('cancel_training');
$node->start;
load_project($node);
$node->safe_psql('postgres', q{
CREATE TABLE much AS SELECT random()::real AS a, random()::real AS b, random()::real AS c, random()::real AS d,
	'text ' || i % 1000 AS e, random() AS y FROM generate_series(1, 60000) i;
CREATE TABLE before AS SELECT (SELECT count(*) FROM pgml.projects) AS projects, (SELECT count(*) FROM pgml.snapshots) AS snapshots,
	(SELECT count(*) FROM pgml.models) AS models, (SELECT count(*) FROM pgml.files) AS files;
});

sub training
{
	my ($algorithm, $hyperparams) = @_;
	return "SELECT * FROM pgml.train('slow', 'regression', 'much', 'y', algorithm => '$algorithm', hyperparams => '$hyperparams')";
}

# One round of this takes far longer than any bound below.
my $one_long_round = training('xgboost', '{"n_estimators": 1, "num_parallel_tree": 1000, "max_depth": 14}');
my $works = q{SELECT count(price) FROM houses};
my $short = q{SELECT algorithm FROM pgml.train('price', 'regression', 'sales', 'price', algorithm => 'xgboost', hyperparams => '{"n_estimators": 3}')};

my $session = $node->background_psql('postgres', on_error_stop => 0);

sub stops
{
	my ($statement, $timeout, $what) = @_;
	$session->query("SET statement_timeout = $timeout");
	my $start = time;
	$session->query($statement);
	cmp_ok(time - $start, '<', 15, "$what: soon");
	like($session->{stderr}, qr/canceling statement due to statement timeout/, "$what: stopped");
	$session->{stderr} = '';
	$session->query('RESET statement_timeout');
	is($session->query($works), '3000', "$what: the session goes on");
	return;
}

# By statement_timeout, from the first rows read to the rounds; one after the other in one session.
for my $algorithm ('xgboost', 'xgboost_random_forest', 'random_forest', 'gradient_boosting_trees')
{
	stops(training($algorithm, '{"n_estimators": 100000, "max_depth": 8}'), $_, "$algorithm, $_ ms") for (5, 30, 80, 150, 300, 600);
}
# In the middle of the long round. The next training waits for it, and can be stopped while it waits.
stops($one_long_round, 2000, 'a long round');
stops($short, 2000, 'waiting for it');

# The process ends while the library still works.
my $pid = $session->query('SELECT pg_backend_pid()');
my $start = time;
$session->quit;
usleep(10_000) while kill(0, $pid) && time - $start < 30;
ok(!kill(0, $pid), 'the process ends under the library');

# By pg_terminate_backend, at several moments, the last ones in the long round.
for my $wait (0.02, 0.1, 0.3, 1, 2)
{
	my $ended = $node->background_psql('postgres', on_error_stop => 0);
	$ended->{stdin} .= "$one_long_round;\n";
	$ended->{run}->pump_nb;
	my $backend = wait_for_activity($node, 'SELECT * FROM pgml.train%');
	usleep($wait * 1e6);
	$start = time;
	is($node->safe_psql('postgres', "SELECT pg_terminate_backend($backend, 20000)"), 't', "terminated after $wait s");
	cmp_ok(time - $start, '<', 15, 'soon');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $backend"), '0', 'and gone');
	$ended->{run}->kill_kill;
}
is($node->safe_psql('postgres', $short), 'xgboost', 'a training after all that');
is($node->safe_psql('postgres', q{
SELECT b.projects = (SELECT count(*) FROM pgml.projects) AND b.snapshots + 1 = (SELECT count(*) FROM pgml.snapshots)
	AND b.models + 1 = (SELECT count(*) FROM pgml.models) AND b.files + 1 = (SELECT count(*) FROM pgml.files) FROM before b}),
	't', 'nothing else is left behind');
is($node->safe_psql('postgres', $works), '3000', 'the server goes on');
$node->stop;
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no crash');
done_testing();
