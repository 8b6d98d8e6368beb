# Other libraries with the same hooks, loaded before and after ours: everybody's work is done, and answers stay the same.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $node = new_node('libraries');
$node->start;
load_project($node);
load_vectors($node, 400, q{WITH (factory = 'IVF4,PQ4x4fs')});
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
my $alone = predictions($node);

for my $libraries ('pg_stat_statements, auto_explain, pgml_am', 'pgml_am, auto_explain, pg_stat_statements')
{
	$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'$libraries'");
	$node->append_conf('postgresql.conf', "auto_explain.log_min_duration = 0\nauto_explain.log_analyze = on\n");
	$node->restart;
	is(predictions($node), $alone, "the same answers with $libraries");
	my $offset = -s $node->logfile;
	$node->safe_psql('postgres', 'SELECT pg_stat_statements_reset(); SELECT sum(price) FROM houses WHERE beds > 1; SELECT sum(price) FROM houses WHERE beds > 2');
	like(slurp_file($node->logfile, $offset), qr/PgmlScan.*Rows Predicted: \d+/s, 'auto_explain shows the node');
	is($node->safe_psql('postgres', q{SELECT calls FROM pg_stat_statements WHERE query LIKE 'SELECT sum(price)%'}),
		'2', 'pg_stat_statements counts the query as it was written');
	my ($index, $table) = nearest($node);
	is($index, $table, "searches find the same with $libraries");
	# Who comes before us is asked after us, and says only then that it measures.
	next unless $libraries =~ /^pgml_am/;
	like(slurp_file($node->logfile, $offset), qr/Custom Scan \(PgmlSearchStatistics\).*Lists Probed: \d of 4\n.*Index Scan using vectors_v/s,
		'auto_explain shows what a search did');
}

$node->stop;
done_testing();
