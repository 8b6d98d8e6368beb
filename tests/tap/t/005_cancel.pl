# Training and long predictions can be cancelled, by timeout and by request, also where much of the time is spent outside of
# the server's own code; the session goes on, and nothing of the training stays.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use PgmlTest;

my $node = new_node('cancel');
$node->start;
load_project($node);
$node->safe_psql('postgres', q{
CREATE TABLE much AS SELECT random()::real AS a, random()::real AS b, random()::real AS c, random()::real AS d, random() AS y
	FROM generate_series(1, 60000);
});
my $train = q{SELECT * FROM pgml.train('slow', 'regression', 'much', 'y', algorithm => 'xgboost', hyperparams => '{"n_estimators": 5000, "max_depth": 8}')};
my $predict = q{SELECT sum(pgml.predict('price', h.sqft + x, h.beds, h.city)) FROM houses h, generate_series(1, 1000000) x};
my $columns = q{SELECT count(*) FROM houses a, houses b, houses c WHERE a.price + b.price + c.price < 0};
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $works = q{SELECT count(price) FROM houses};

for my $case ([ 'training', $train ], [ 'direct predictions', $predict ], [ 'prediction columns', $columns ])
{
	my ($what, $statement) = @$case;
	for my $setting ('SET pgml.batch = on', 'SET pgml.batch = off', 'SET pgml.batch_size = 65536')
	{
		next if $what eq 'training' && $setting ne 'SET pgml.batch = on';
		$session->query("$setting; SET statement_timeout = 700");
		my $start = time;
		$session->query($statement);
		my $seconds = time - $start;
		like($session->{stderr}, qr/canceling statement due to statement timeout/, "$what, $setting: stopped by statement_timeout");
		cmp_ok($seconds, '<', 15, "$what, $setting: soon");
		$session->{stderr} = '';
		$session->query('RESET ALL');
		is($session->query($works), '3000', "$what, $setting: the session goes on");
	}
	$session->{stdin} .= "$statement;\n\\echo cancelled statement is over\n";
	$session->{run}->pump_nb;
	my $pid = wait_for_activity($node, substr($statement, 0, 30) =~ s/'/_/gr . '%');
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	my $start = time;
	$session->{run}->pump until $session->{stdout} =~ /cancelled statement is over/;
	cmp_ok(time - $start, '<', 15, "$what: stopped soon by pg_cancel_backend");
	like($session->{stderr}, qr/canceling statement due to user request/, "$what: stopped by request");
	$session->{stderr} = $session->{stdout} = '';
	is($session->query($works), '3000', "$what: the session goes on");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM pgml.projects WHERE name = 'slow'}), '0', 'a cancelled training leaves nothing');

# pg_terminate_backend ends the session and nothing else.
$session->{stdin} .= "$train;\n";
$session->{run}->pump_nb;
my $pid = wait_for_activity($node, 'SELECT * FROM pgml.train%');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 15000)");
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), '0', 'a training session can be terminated');
is($node->safe_psql('postgres', $works), '3000', 'the server goes on');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no crash');
$node->stop;
done_testing();
