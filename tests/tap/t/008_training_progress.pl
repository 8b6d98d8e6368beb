# pgml.training_progress while a training runs, and after it was cancelled, failed, or lost its session.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $node = new_node('progress');
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pgml_am;
CREATE TABLE much AS SELECT random()::real AS a, random()::real AS b, random()::real AS c, random() AS y FROM generate_series(1, 20000);
CREATE DATABASE elsewhere;
});
my $session = $node->background_psql('postgres', on_error_stop => 0);

# Starts a statement that the session does not wait for.
sub start
{
	my ($statement) = @_;
	$session->{stdin} .= "$statement;\n\\echo statement is over\n";
	$session->{run}->pump_nb;
	return;
}

sub wait_for
{
	my ($condition, $what) = @_;
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pgml.training_progress WHERE $condition"), $what);
	return;
}

my $train = q{SELECT * FROM pgml.train('slow', 'regression', 'much', 'y', algorithm => 'xgboost', hyperparams => '{"n_estimators": 50000, "max_depth": 6}')};
start($train);
wait_for(q{project = 'slow' AND relation = 'much'::regclass AND phase = 'training' AND rows_read = 20000 AND rounds_done > 2 AND rounds_total = 50000
	AND candidates_total IS NULL AND best_score IS NULL AND datname = 'postgres' AND usename = current_user AND elapsed > interval '0'}, 'rounds of a training');
my $rounds = $node->safe_psql('postgres', 'SELECT rounds_done FROM pgml.training_progress');
wait_for("rounds_done > $rounds", 'they go on');
is($node->safe_psql('elsewhere', q{CREATE EXTENSION pgml_am; SELECT project, relation IS NULL, datname FROM pgml.training_progress}),
	'slow|t|postgres', 'another database shows it without the relation');
$node->safe_psql('postgres', 'SELECT pg_cancel_backend(pid) FROM pgml.training_progress');
$session->{run}->pump until $session->{stdout} =~ /statement is over/;
is($node->safe_psql('postgres', 'SELECT count(*) FROM pgml.training_progress'), '0', 'nothing after a cancelled training');
$session->{stdout} = $session->{stderr} = '';

start(q{SELECT * FROM pgml.train('slow', 'regression', 'much', 'y', algorithm => 'ridge', search => 'grid',
	search_params => jsonb_build_object('alpha', (SELECT jsonb_agg(g) FROM generate_series(1, 10000) g)), search_args => '{"cv": 20}')});
wait_for(q{phase = 'searching' AND candidates_done > 2 AND candidates_total = 10000 AND best_score < 0.5}, 'candidates of a search');
my $pid = $node->safe_psql('postgres', 'SELECT pid FROM pgml.training_progress');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 30000)");
is($node->safe_psql('postgres', "SELECT count(*) FROM pgml.training_progress"), '0', 'nothing after its session was terminated');
$session->{run}->finish;
$node->stop;
done_testing();
