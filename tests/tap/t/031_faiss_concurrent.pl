# Inserts, deletes, updates, VACUUM and searches at the same time on one faiss index: no search fails or returns a row twice, no
# committed row is missed by who looks for itself, and the index equals the table afterwards. PGML_WRITES=n does more of all,
# PGML_WRITE_SECONDS=n goes on for so long.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $node = new_node('concurrent', settings => "autovacuum = off\nmax_parallel_maintenance_workers = 0\nfsync = off");
$node->start;
load_vectors($node, 2000);
$node->safe_psql('postgres', q{
CREATE SEQUENCE ids START 10000;
CREATE FUNCTION write_some() RETURNS void LANGUAGE plpgsql AS $$
DECLARE n int = nextval('ids'); found_id int;
BEGIN
	INSERT INTO vectors SELECT n, some_vector(n);
	DELETE FROM vectors WHERE id = (SELECT id FROM vectors WHERE id <> n ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED);
	UPDATE vectors SET v = some_vector(-n) WHERE id = (SELECT id FROM vectors WHERE id <> n ORDER BY random() LIMIT 1 FOR UPDATE SKIP LOCKED);
	-- Who wrote a row finds it.
	SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
	SELECT id INTO found_id FROM vectors ORDER BY v <-> some_vector(n) LIMIT 1;
	IF found_id IS DISTINCT FROM n THEN RAISE EXCEPTION 'row % is not its own nearest: %', n, found_id; END IF;
END $$;
CREATE FUNCTION search_some() RETURNS void LANGUAGE plpgsql AS $$
DECLARE q vector = some_vector((random() * 20000)::int); n int; n_distinct int;
BEGIN
	SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
	SELECT count(*), count(DISTINCT id) INTO n, n_distinct FROM (SELECT id FROM vectors ORDER BY v <-> q LIMIT 1500) s;
	IF n <> n_distinct THEN RAISE EXCEPTION '% rows, % of them different', n, n_distinct; END IF;
END $$;
-- In one snapshot, the index and the table agree.
CREATE FUNCTION compare_all() RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE q vector = some_vector((random() * 20000)::int); n int; expected int;
BEGIN
	SELECT count(*) INTO n FROM (SELECT id FROM vectors ORDER BY v <-> q) s;
	SELECT count(*) INTO expected FROM vectors;
	IF n <> expected THEN RAISE EXCEPTION '% rows by the index, % in the table', n, expected; END IF;
END $$;
CREATE FUNCTION compare_range() RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE q vector = some_vector((random() * 20000)::int); r float8; n int; expected int;
BEGIN
	SELECT v <-> q INTO r FROM vectors ORDER BY random() LIMIT 1;
	SELECT count(DISTINCT id) INTO n FROM vectors WHERE v <-> q <= r;
	SELECT count(*) INTO expected FROM vectors WHERE (v <-> q) + 0 <= r;
	IF n <> expected THEN RAISE EXCEPTION '% rows in range by the index, % in the table', n, expected; END IF;
END $$;
});
my $dir = $node->basedir;
sub script { my ($name, $text) = @_; open(my $file, '>', "$dir/$name") or die; print $file $text; close $file; return "$dir/$name"; }
my $write = script('write.sql', "SELECT write_some();\n");
my $search = script('search.sql', "SET pgml.iterative_scan = :order;\nSELECT search_some();\n");
my $all = script('all.sql', "BEGIN ISOLATION LEVEL REPEATABLE READ;\nSET LOCAL pgml.recall = 1;\nSET LOCAL enable_seqscan = off;\nSET LOCAL enable_sort = off;\nSELECT compare_all();\nCOMMIT;\n");
sub range_script { my ($name, $off) = @_; return script($name, "BEGIN ISOLATION LEVEL REPEATABLE READ;\nSET LOCAL enable_seqscan = off;\nSET LOCAL $off = off;\nSELECT compare_range();\nCOMMIT;\n"); }
my $range = range_script('range.sql', 'enable_bitmapscan');
my $bitmap = range_script('bitmap.sql', 'enable_indexscan');
my $vacuum = script('vacuum.sql', "VACUUM vectors;\n\\sleep 20 ms\n");
my $writes = $ENV{PGML_WRITES} // 300;
sub for_long { my ($n) = @_; return $ENV{PGML_WRITE_SECONDS} ? ('-T', $ENV{PGML_WRITE_SECONDS}) : ('-t', $n); }
my @runs = map { my ($log, @options) = ($_->[0], @{$_}[ 1 .. $#$_ ]); my $out = ''; my $ref = \$out;
	[ $log, IPC::Run::start([ 'pgbench', '-n', @options, '-d', $node->connstr('postgres') ], '>', $ref, '2>&1'), $ref ] }
	([ 'writers', '-c', 3, for_long($writes), '-f', $write ],
	[ 'searches', '-c', 1, for_long($writes), '-D', 'order=relaxed_order', '-f', $search ],
	[ 'ordered searches', '-c', 1, for_long($writes), '-D', 'order=strict_order', '-f', $search ],
	[ 'comparisons', '-c', 1, for_long($writes), '-f', $all ],
	[ 'ranges', '-c', 1, for_long($writes), '-f', $range, '-f', $bitmap ],
	[ 'vacuum', '-c', 1, for_long($writes / 5), '-f', $vacuum ]);
for my $run (@runs)
{
	my ($name, $process, $out) = @$run;
	ok($process->finish, "$name ran to their end");
	unlike($$out, qr/ERROR|aborted/, "$name met no error") or diag($$out);
}
my ($index, $table) = nearest($node);
is($index, $table, 'the index equals the table afterwards');
$node->safe_psql('postgres', 'VACUUM vectors');
($index, $table) = nearest($node);
is($index, $table, 'and after VACUUM');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|XX00/, 'the server had no trouble');
$node->stop;
done_testing();
