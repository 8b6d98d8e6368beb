# PgmlScan takes part in synchronised scans: it starts where another scan is, and reads every row once all the same.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

# Tables of more than a quarter of the buffers are read in step.
my $node = new_node('scan', settings => "shared_buffers = 1MB\nmax_parallel_workers_per_gather = 0");
$node->start;
load_project($node, 20000);
my $rows = q{SELECT count(*), count(DISTINCT id), sum(price::numeric), min(price), count(price) FILTER (WHERE price > 100000) FROM houses};
my $first = q{SELECT (array_agg(id))[1] FROM (SELECT id, price FROM houses OFFSET 0) h WHERE price IS NOT NULL};
like($node->safe_psql('postgres', "EXPLAIN $rows"), qr/PgmlScan/, 'the table is read by PgmlScan');
my $expected = $node->safe_psql('postgres', "SET synchronize_seqscans = off; SET pgml.batch = off; $rows");
like($expected, qr/^20000\|20000\|/, 'all rows');

my $walk = $node->background_psql('postgres');
for my $fused ('on', 'off')
{
	$walk->query_safe("SET pgml.fused_scan = $fused; BEGIN; DECLARE walk CURSOR FOR SELECT id, price FROM houses; MOVE 9000 FROM walk");
	isnt($node->safe_psql('postgres', $first), '1', "behind a scan with fused_scan = $fused: starts where that one is");
	$walk->query_safe('MOVE 300 FROM walk');
	is($node->safe_psql('postgres', $rows), $expected, "behind a scan with fused_scan = $fused: every row once");
	is($node->safe_psql('postgres', "SET synchronize_seqscans = off; $first"), '1', 'alone: starts at the first page');
	is($walk->query_safe('MOVE ALL FROM walk'), '', 'the other scan goes on');
	$walk->query_safe('COMMIT');
}
$walk->quit;
done_testing();
