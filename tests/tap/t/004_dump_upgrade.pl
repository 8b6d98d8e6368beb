# pg_dump and restore, and pg_upgrade, carry models, deployments, tables and indexes: the same predictions afterwards.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $node = new_node('origin');
$node->start;
load_project($node);
train_other_version($node);
$node->safe_psql('postgres', q{
SELECT * FROM pgml.deploy('price', 'rollback');
CREATE TABLE parts (id int, sqft real, beds int, city text,
	price float8 GENERATED ALWAYS AS (pgml.predict('price', sqft, beds, city)) STORED) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100) USING pgml;
CREATE TABLE parts_2 PARTITION OF parts DEFAULT USING pgml;
INSERT INTO parts SELECT i, i, i % 4, 'Oslo' FROM generate_series(1, 200) i;
CREATE INDEX ON parts (price);
CREATE VIEW dear AS SELECT id, price FROM houses WHERE price > 200000;
CREATE MATERIALIZED VIEW frozen AS SELECT city, max(price) FROM houses GROUP BY city;
CREATE STATISTICS houses_stats ON price, beds FROM houses;
CREATE ROLE reader;
SELECT pgml.grant_use('price', 'reader');
SELECT * FROM pgml.train('kept', 'regression', 'sales', 'price', algorithm => 'ridge', materialize_snapshot => true);
});
# The rows of the snapshot go along: a model trained again from them has the same bytes.
my $retrain = q{
SET client_min_messages = warning;
SELECT project FROM pgml.train('kept', algorithm => 'ridge');
SELECT count(*) > 1, count(DISTINCT f.data), count(DISTINCT m.snapshot_id) FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id
	JOIN pgml.files f ON f.model_id = m.id WHERE p.name = 'kept';
SELECT has_table_privilege('reader', (SELECT format('pgml.snapshot_%s', id) FROM pgml.snapshots WHERE materialized), 'SELECT');
};
my $more = q{
SELECT count(price), sum(price)::numeric(20,2) FROM parts;
SELECT count(*), sum(price)::numeric(20,2) FROM dear;
SELECT * FROM frozen ORDER BY 1;
SELECT p.name, count(*) FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id GROUP BY p.name ORDER BY 1;
SELECT name, algorithm FROM pgml.deployed_models;
SELECT users::text FROM pgml.projects ORDER BY name;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1;
};
my $before = predictions($node) . $node->safe_psql('postgres', $more);
my $dump = $node->basedir . '/dump';
mkdir $dump;

for my $format ('plain', 'custom')
{
	my $database = "restored_$format";
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok([ 'pg_dump', '-F', $format, '-f', "$dump/$format", '-d', $node->connstr('postgres') ], "pg_dump, $format");
	if ($format eq 'plain')
	{
		$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump/plain", '-d', $node->connstr($database) ],
			'restore, plain');
	}
	else
	{
		# Several jobs need three steps: pg_restore does not know that an index on predictions needs the models, nor the order
		# in which the extension's tables refer to each other.
		my @restore = ('pg_restore', '-e', '-j', '2', '-d', $node->connstr($database));
		$node->command_ok([ @restore, '--section=pre-data', "$dump/custom" ], 'restore of definitions');
		$node->command_ok([ @restore, '-a', '--disable-triggers', "$dump/custom" ], 'restore of data');
		$node->command_ok([ @restore, '--section=post-data', "$dump/custom" ], 'restore of indexes');
	}
	is(predictions($node, $database) . $node->safe_psql($database, $more), $before, "equal predictions after a restore, $format");
	# New rows in the catalog must not collide with the restored ones.
	$node->safe_psql($database,
		q{SELECT * FROM pgml.train('price', 'regression', 'sales', 'price', algorithm => 'ridge')});
	is($node->safe_psql($database, 'SELECT count(*) FROM pgml.models'), '4', "training goes on after a restore, $format");
	is($node->safe_psql($database, $retrain), "kept\nt|1|1\nf", "a kept snapshot trains the same model, $format");
}
$node->command_ok([ 'pg_dump', '--inserts', '-f', "$dump/inserts", '-d', $node->connstr('postgres') ], 'pg_dump --inserts');
unlike(slurp_file("$dump/inserts"), qr/predict_deferred\(.*\n.*predict_deferred.*NULL/, 'no stored nulls are dumped');
$node->safe_psql('postgres', 'DROP DATABASE restored_plain');
$node->safe_psql('postgres', 'DROP DATABASE restored_custom');
$node->stop;

my $upgraded = new_node('upgraded');
chdir $dump;
command_ok(
	[   'pg_upgrade', '--no-sync', '-d', $node->data_dir, '-D', $upgraded->data_dir, '-b', $node->config_data('--bindir'),
		'-B', $upgraded->config_data('--bindir'), '-s', $upgraded->host, '-p', $node->port, '-P', $upgraded->port ],
	'pg_upgrade to the same version');
$upgraded->start;
is(predictions($upgraded) . $upgraded->safe_psql('postgres', $more), $before, 'equal predictions after pg_upgrade');
is($upgraded->safe_psql('postgres', $retrain), "kept\nt|1|1\nf", 'a kept snapshot trains the same model after pg_upgrade');
$upgraded->stop;
done_testing();
