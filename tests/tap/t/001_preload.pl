# Without shared_preload_libraries the extension refuses to work, and says which line to add; it never answers NULL instead.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $line = qr/shared_preload_libraries = 'pgml_am'/;
my $node = PostgreSQL::Test::Cluster->new('preload');
$node->init;
$node->start;

my ($status, $out, $err) = $node->psql('postgres', 'CREATE EXTENSION pgml_am');
isnt($status, 0, 'CREATE EXTENSION is refused');
like($err, $line, 'with the line to add');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgml'"), '0', 'and leaves nothing behind');

# In only one session loaded is not preloaded.
($status, $out, $err) = $node->psql('postgres', "LOAD 'pgml_am'; CREATE EXTENSION pgml_am");
isnt($status, 0, 'CREATE EXTENSION after LOAD is refused');
like($err, $line, 'with the line to add');

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pgml_am'");
$node->restart;
load_project($node);
my $before = predictions($node);
like($before, qr/^3000\|/, 'predictions with the library preloaded');

# A server that was configured once and lost the setting.
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
for my $statement ('SELECT price FROM houses', 'SELECT id FROM houses', 'INSERT INTO houses (id) VALUES (-1)',
	'CREATE TABLE another (x real) USING pgml', "SELECT pgml.predict('price', 1, 2, 'Oslo')",
	"SELECT * FROM pgml.train('price', 'regression', 'sales', 'price')")
{
	($status, $out, $err) = $node->psql('postgres', $statement);
	isnt($status, 0, "refused: $statement");
	like($err, $line, 'with the line to add');
	is($out, '', 'and no rows');
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM sales'), '600', 'other tables can be read');

$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'pgml_am'");
$node->restart;
is(predictions($node), $before, 'the same predictions once the setting is back');
$node->stop;
done_testing();
