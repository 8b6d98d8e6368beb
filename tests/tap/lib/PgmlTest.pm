# What the TAP scripts share: a cluster with the library loaded, a small trained project, and the row-by-row answer.
package PgmlTest;
use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
our @EXPORT = qw(new_node load_project predictions train_other_version wait_for_activity load_vectors nearest start_after_kill wait_until_ready checked_pair same_everywhere);

# A cluster that preloads the library; not started. Options: those of init(), and settings => text.
sub new_node
{
	my ($name, %options) = @_;
	my $settings = delete $options{settings} // '';
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ], %options);
	$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'pgml_am'
fsync = off
max_prepared_transactions = 2
$settings
CONF
	return $node;
}

# The extension, a trained project "price" and a table with predictions and an index on them, in database postgres.
sub load_project
{
	my ($node, $rows) = @_;
	$rows //= 3000;
	$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION pgml_am;
CREATE TABLE sales AS
	SELECT (20 + i * 37 % 280)::real AS sqft, i % 6 AS beds, (ARRAY['Oslo', 'Rome', 'Bergen'])[1 + i % 3] AS city,
		(1000 * (20 + i * 37 % 280) + 25000 * (i % 6))::float8 AS price FROM generate_series(1, 600) i;
SELECT * FROM pgml.train('price', 'regression', 'sales', 'price', algorithm => 'xgboost',
	hyperparams => '{"n_estimators": 10, "max_depth": 4}');
CREATE TABLE houses (id int PRIMARY KEY, sqft real, beds int, city text,
	price float8 GENERATED ALWAYS AS (pgml.predict('price', sqft, beds, city)) STORED) USING pgml;
INSERT INTO houses SELECT i, 20 + i * 13 % 290, i % 6, (ARRAY['Oslo', 'Rome', NULL])[1 + i % 3] FROM generate_series(1, $rows) i;
CREATE INDEX houses_price ON houses (price);
ANALYZE;
SQL
	return;
}

# A second version that answers differently, deployed.
sub train_other_version
{
	my ($node) = @_;
	$node->safe_psql('postgres', q{
SELECT * FROM pgml.train('price', 'regression', 'sales', 'price', algorithm => 'linear', automatic_deploy => false);
SELECT d.* FROM (SELECT max(id) AS id FROM pgml.models) m, LATERAL pgml.deploy(m.id) d;
});
	return;
}

# One text that changes when any prediction changes, read by sequential scan and in the order of the index.
sub predictions
{
	my ($node, $database) = @_;
	return $node->safe_psql($database // 'postgres', q{
SET enable_indexscan = off; SET enable_bitmapscan = off;
SELECT count(price), md5(string_agg(id || ':' || price, ',' ORDER BY id)) FROM houses;
SELECT md5(string_agg(id || ':' || price, ',')) FROM (SELECT id, price FROM houses ORDER BY price, id OFFSET 0) s;
SET enable_indexscan = on; SET enable_seqscan = off; SET enable_sort = off;
SELECT md5(string_agg(id || ':' || price, ',')) FROM (SELECT id, price FROM houses WHERE price > -1e9 ORDER BY price, id OFFSET 0) s;
SET pgml.batch = off;
SELECT md5(string_agg(id || ':' || price, ',' ORDER BY id)) FROM houses;
});
}

# The extension and a table "vectors" of pseudo-random vectors with a faiss index "vectors_v".
sub load_vectors
{
	my ($node, $rows, $options) = @_;
	$options //= '';
	$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION IF NOT EXISTS pgml_am;
CREATE FUNCTION some_vector(i bigint) RETURNS vector LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg((hashint8extended(i * 100 + j, 7) & 65535)::real / 65536 + (i * 7919 + j) % 5 ORDER BY j)::vector FROM generate_series(1, 16) j';
CREATE TABLE vectors (id int PRIMARY KEY, v vector(16));
INSERT INTO vectors SELECT i, some_vector(i) FROM generate_series(1, $rows) i;
CREATE INDEX vectors_v ON vectors USING faiss (v) $options;
SQL
	return;
}

# All rows of "vectors" in the order of the index, for a few queries, and in the order of a sort: two texts that are equal when the index is right.
sub nearest
{
	my ($node) = @_;
	my $query = join ' ', map { "SELECT count(*), count(DISTINCT id), md5(string_agg(d::text, ',' ORDER BY n)) FROM
		(SELECT id, d, row_number() OVER () AS n FROM (SELECT id, v <-> some_vector($_) AS d FROM vectors ORDER BY v <-> some_vector($_) OFFSET 0) s) s;" } (3, 77, 1_000_001);
	my $index = $node->safe_psql('postgres', "SET jit = off; SET enable_seqscan = off; SET enable_sort = off; SET pgml.recall = 1; $query");
	my $table = $node->safe_psql('postgres', "SET jit = off; SET enable_indexscan = off; $query");
	return ($index, $table);
}

# Starts a node whose postmaster was killed. Orphaned processes hold the shared memory for a moment, and a start that failed may
# leave a postmaster (as in PostgreSQL's 017_shm.pl).
sub start_after_kill
{
	my ($node) = @_;
	for my $attempt (1 .. 100)
	{
		return if $node->start(fail_ok => 1);
		usleep(300_000);
		$node->stop('fast', fail_ok => 1);
	}
	die 'processes of the killed server do not end';
}

# Waits until a node that recovers accepts connections. Not by poll_query_until, whose psql may end before it has read the query.
sub wait_until_ready
{
	my ($node) = @_;
	for my $attempt (1 .. 1200)
	{
		return if system('pg_isready', '-q', '-d', $node->connstr('postgres')) == 0;
		usleep(100_000);
	}
	die 'the server did not come back';
}

# A primary with $rows "vectors", and a standby that compares every page it replays.
sub checked_pair
{
	my ($rows) = @_;
	my $primary = new_node('primary', allows_streaming => 1,
		settings => "wal_consistency_checking = 'all'\nwal_log_hints = on\nwal_keep_size = 4GB\nautovacuum = off\nrestart_after_crash = on\nmax_parallel_maintenance_workers = 0");
	$primary->start;
	load_vectors($primary, $rows);
	$primary->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->start;
	return ($primary, $standby);
}

# Does the index of "vectors" equal the table, here and there?
sub same_everywhere
{
	my ($primary, $standby, $what) = @_;
	my ($index, $table) = nearest($primary);
	is($index, $table, "$what: the index equals the table");
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	my ($standby_index, $standby_table) = nearest($standby);
	is($standby_index, $table, "$what: and on the standby");
	is($standby_table, $table, "$what: as does its table");
	return;
}

# Waits until a statement like $pattern runs in another session; returns its process id.
sub wait_for_activity
{
	my ($node, $pattern) = @_;
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND query LIKE '$pattern'")
	  or die "no statement like $pattern runs";
	return $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND query LIKE '$pattern'");
}

1;
