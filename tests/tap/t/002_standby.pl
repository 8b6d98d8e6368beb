# A streaming standby answers as its primary does, before and after training and deploying; full-page consistency of
# everything that is logged is checked by the server while it replays.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $primary = new_node('primary', allows_streaming => 1, settings => "wal_consistency_checking = 'all'\nwal_log_hints = on");
$primary->start;
load_project($primary);
$primary->backup('base');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
sub caught_up { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')); return; }

caught_up();
my $first = predictions($primary);
is(predictions($standby), $first, 'equal predictions after a base backup');

# Sessions that have the old version cached must follow.
my $session = $standby->background_psql('postgres');
my $query = 'SELECT sum(price)::numeric(20,3) FROM houses';
is($session->query($query), $primary->safe_psql('postgres', $query), 'an open session on the standby');

train_other_version($primary);
$primary->safe_psql('postgres', 'UPDATE houses SET sqft = sqft + 1 WHERE id % 7 = 0; DELETE FROM houses WHERE id % 11 = 0;');
caught_up();
my $second = predictions($primary);
isnt($second, $first, 'another version answers differently');
is(predictions($standby), $second, 'the standby follows train and deploy');
is($session->query($query), $primary->safe_psql('postgres', $query), 'so does the session that was open');

for my $round (1 .. 3)
{
	$primary->safe_psql('postgres',
		"DELETE FROM houses WHERE id % 10 = $round; VACUUM houses;
		INSERT INTO houses SELECT 10000 * $round + i, i, i % 5, 'Oslo' FROM generate_series(1, 300) i;
		REINDEX TABLE houses; SELECT * FROM pgml.deploy('price', 'rollback');");
	caught_up();
	is(predictions($standby), predictions($primary), "equal after round $round of writes and deployments");
}

my ($status, $out, $err) = $standby->psql('postgres',
	"SELECT * FROM pgml.train('price', 'regression', 'sales', 'price')");
isnt($status, 0, 'training on a standby is refused');
like($err, qr/read-only transaction|recovery/, 'with a reason');
unlike($err, qr/XX000|internal error/, 'not as an internal error');
($status, $out, $err) = $standby->psql('postgres', "SELECT * FROM pgml.deploy('price', 'rollback')");
isnt($status, 0, 'deploying on a standby is refused');
like($err, qr/read-only transaction|recovery/, 'with a reason');

my $last = predictions($primary);
caught_up();
$primary->stop('immediate');
$standby->promote;
is(predictions($standby), $last, 'the promoted standby answers as the primary did');
train_other_version($standby);
isnt(predictions($standby), '', 'and can train');
$session->quit;
unlike(slurp_file($standby->logfile), qr/inconsistent page|PANIC|terminated by signal/, 'no inconsistent page during replay');
$standby->stop;
done_testing();
