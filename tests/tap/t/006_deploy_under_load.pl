# While one session deploys back and forth, every statement of the others answers with one version: parallel, serial, prepared,
# by index and by scan. And the index is right at the end.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $node = new_node('load', settings => "max_worker_processes = 16\nmax_parallel_workers = 8");
$node->start;
load_project($node, 6000);
train_other_version($node);
# Each version has its own total; anything else is a mixture.
my $sum = 'SELECT sum(price)::numeric(20,3) FROM houses';
my @totals = ($node->safe_psql('postgres', $sum));
$node->safe_psql('postgres', q{SELECT * FROM pgml.deploy('price', 'rollback')});
push @totals, $node->safe_psql('postgres', $sum);
isnt($totals[0], $totals[1], 'two versions with different totals');

$node->safe_psql('postgres', <<"SQL");
CREATE TABLE failures (what text);
CREATE FUNCTION expect(what text, total numeric) RETURNS void LANGUAGE plpgsql AS
	\$\$BEGIN IF total NOT IN ($totals[0], $totals[1]) THEN INSERT INTO failures VALUES (what || ' ' || total); END IF; END\$\$;
SQL
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 3;';
my %scripts = (
	deploy => q{SELECT * FROM pgml.deploy('price', 'rollback');},
	parallel => qq{$parallel
SELECT expect('parallel', (SELECT sum(price)::numeric(20,3) FROM houses));
SELECT sum(price)::numeric(20,3) AS total FROM houses \\gset
SELECT expect('parallel top level', :total::numeric);
SET pgml.batch = off;
SELECT sum(price)::numeric(20,3) AS total FROM houses \\gset
SELECT expect('parallel row by row', :total::numeric);
SET pgml.batch = on;},
	index => q{SET enable_seqscan = off;
SELECT sum(price)::numeric(20,3) AS total FROM houses WHERE price > -1e12 \gset
SELECT expect('index', :total::numeric);
SET enable_seqscan = on;
SELECT sum(price + 0)::numeric(20,3) AS total FROM houses WHERE id > 0 \gset
SELECT expect('serial', :total::numeric);},
	cursor => q{DO $$DECLARE r record; s numeric := 0; BEGIN FOR r IN SELECT price FROM houses LOOP s := s + r.price::numeric(20,6); END LOOP; PERFORM expect('loop', s::numeric(20,3)); END$$;},
);
my %files;
for my $name (keys %scripts)
{
	$files{$name} = $node->basedir . "/$name.sql";
	# pgbench has no comments or SET-in-one-line trouble: one statement a line, ending in a semicolon.
	append_to_file($files{$name}, $scripts{$name} =~ s/; SET/;\nSET/gr . "\n");
}
my $seconds = 6;
my @runs;
for my $name (sort keys %files)
{
	my ($out, $err) = ('', '');
	my @command = ('pgbench', '-n', '-c', 1, '-T', $seconds, '-M', $name eq 'index' ? 'prepared' : 'simple', '-f', $files{$name}, $node->connstr('postgres'));
	local %ENV = $node->_get_env();
	push @runs, [ $name, \$out, \$err, IPC::Run::start(\@command, '>', \$out, '2>', \$err) ];
}
for my $run (@runs)
{
	my ($name, $out, $err, $handle) = @$run;
	ok($handle->finish, "$name ran") or diag($$err);
	like($$out, qr/number of transactions actually processed: [1-9]/, "$name did some work");
	unlike($$err, qr/ERROR|FATAL/, "$name met no error") ;
}
is($node->safe_psql('postgres', 'SELECT what, count(*) FROM failures GROUP BY 1 LIMIT 10'), '', 'no statement mixed two versions');
$node->safe_psql('postgres', 'CREATE EXTENSION amcheck');
is($node->safe_psql('postgres', q{SELECT bt_index_parent_check('houses_price', true)}), '', 'amcheck finds nothing');
my @lines = split /\n/, predictions($node);
is($lines[1], $lines[2], 'index order and sort agree');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no crash');
$node->stop;
done_testing();
