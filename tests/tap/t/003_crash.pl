# A crash loses nothing that was committed and keeps nothing that was not; the index on predictions stays right.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $node = new_node('crash', settings => 'autovacuum = off');
$node->start;
load_project($node);
$node->safe_psql('postgres', 'CREATE EXTENSION amcheck');
my $check = q{SELECT bt_index_parent_check('houses_price', true), bt_index_check('houses_pkey', true)};

sub restart_after_crash
{
	$node->stop('immediate');
	$node->start;
	return;
}

my $before = predictions($node);
restart_after_crash();
is(predictions($node), $before, 'models, rows and index survive a crash');
is($node->safe_psql('postgres', $check), '|', 'amcheck finds nothing');

# A training and a deployment that had not committed are gone; the committed ones stay.
my $session = $node->background_psql('postgres');
$session->query_safe('SET client_min_messages = warning');
$session->query_safe('BEGIN');
$session->query_safe(q{SELECT * FROM pgml.train('price', 'regression', 'sales', 'price', algorithm => 'ridge', automatic_deploy => false)});
$session->query_safe('SELECT d.* FROM (SELECT max(id) AS id FROM pgml.models) m, LATERAL pgml.deploy(m.id) d');
my $models = $node->safe_psql('postgres', 'SELECT count(*) FROM pgml.models');
restart_after_crash();
$session->{run}->kill_kill;
is($node->safe_psql('postgres', 'SELECT count(*) FROM pgml.models'), $models, 'an uncommitted model is gone');
is(predictions($node), $before, 'and so is its deployment');

train_other_version($node);
my $after = predictions($node);
isnt($after, $before, 'another version is live');
$node->safe_psql('postgres', 'UPDATE houses SET sqft = sqft + 3 WHERE id % 5 = 0');
my $changed = predictions($node);
restart_after_crash();
is(predictions($node), $changed, 'a committed deployment and update survive a crash');
is($node->safe_psql('postgres', $check), '|', 'amcheck finds nothing');

# An unlogged table is empty after a crash, as a heap table would be, and can be used again.
$node->safe_psql('postgres', q{
CREATE UNLOGGED TABLE fast (id int, sqft real, beds int, city text,
	price float8 GENERATED ALWAYS AS (pgml.predict('price', sqft, beds, city)) STORED) USING pgml;
CREATE INDEX ON fast (price);
INSERT INTO fast (id, sqft, beds) SELECT i, i, 1 FROM generate_series(1, 100) i;});
restart_after_crash();
is($node->safe_psql('postgres', 'SELECT count(*), count(price) FROM fast'), '0|0', 'an unlogged table is empty');
is($node->safe_psql('postgres', q{INSERT INTO fast (id, sqft) VALUES (1, 100); SELECT price IS NOT NULL FROM fast WHERE price > 0}),
	't', 'and works');

# Two-phase commit carries a deployment over a crash.
$node->safe_psql('postgres', q{BEGIN; SELECT * FROM pgml.deploy('price', 'rollback'); PREPARE TRANSACTION 'deploy';});
restart_after_crash();
is($node->safe_psql('postgres', q{COMMIT PREPARED 'deploy'; SELECT count(*) FROM pgml.deployed_models}), '1', 'a prepared deployment commits');
isnt(predictions($node), $changed, 'and is live');
$node->stop;
done_testing();
