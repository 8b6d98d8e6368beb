# Random DDL on a handful of tables: whatever succeeds must leave prediction columns that are computed when they are read, equal to the
# direct call, in the order of their indexes, and with nothing that the server would evaluate over stored nulls.
# PGML_DDL_SEED=n runs one seed, PGML_DDL_STATEMENTS=n changes the length.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $statements = $ENV{PGML_DDL_STATEMENTS} // 400;
my @seeds = defined $ENV{PGML_DDL_SEED} ? ($ENV{PGML_DDL_SEED}) : map { int(rand(1_000_000)) } 1 .. 3;

my $serial = 0;
sub pick { return $_[ int(rand(@_)) ] }
sub chance { return rand() < $_[0] }
sub table { return 't' . int(rand(5)) }
sub column { return pick(qw(a b p q)) }
sub using { return pick((' USING pgml') x 3, ' USING heap', '') }
sub bounds { my $from = 10 * int(rand(5)); return "FOR VALUES FROM ($from) TO (" . ($from + 10) . ')' }

sub expression
{
	return pick(
		("pgml.predict('random', a, b)") x 5, "pgml.predict('random', b, a)", "round(pgml.predict('random', a, b)) + 1",
		"pgml.predict_deferred('random', a, b)", 'a * 2', "predict('random', a, b)", "coalesce(pgml.predict('random', a, b), 0)",
		"pgml.predict('rand' || 'om', a, b)", "upper(pgml.predict('random', a, b)::text)::double precision", 'mine(a)',
		"pgml.predict('random', mine(a), b)");
}

sub definition
{
	my ($name) = @_;
	return "$name real" if $name =~ /[ab]/;
	return join ' ', $name, pick(('double precision') x 4, 'real', 'numeric(12,2)', 'text'),
	  pick('', ("GENERATED ALWAYS AS (" . expression() . ") STORED") x 4),
	  pick(('') x 20, 'NOT NULL', 'UNIQUE', "CHECK ($name > 0)", 'PRIMARY KEY');
}

sub create
{
	my ($t, $k) = (table(), rand());
	my $columns = join ', ', 'id int', sort { rand() <=> 0.5 } map { definition($_) } 'a', 'b', grep { chance(0.7) } qw(p q);
	return "CREATE TABLE $t ($columns)" . using() if $k < 0.5;
	return "CREATE TABLE $t ($columns) PARTITION BY RANGE (id)" if $k < 0.6;
	return "CREATE TABLE $t (" . pick('', definition('p')) . ') INHERITS (' . table() . ')' . using() if $k < 0.7;
	return "CREATE TABLE $t (LIKE " . table() . ' INCLUDING ' .
	  pick('ALL', 'GENERATED', 'INDEXES', 'GENERATED INCLUDING INDEXES INCLUDING STATISTICS') . ')' . using() if $k < 0.85;
	return "CREATE TABLE $t PARTITION OF " . table() . ' ' . bounds() . using() if $k < 0.95;
	return "CREATE TABLE $t" . using() . ' AS SELECT * FROM ' . table();
}

sub alter
{
	my @actions = (
		('ADD COLUMN ' . definition(column())) x 2, 'DROP COLUMN ' . column() . pick('', ' CASCADE'),
		'ALTER ' . column() . pick(' SET', ' DROP') . ' NOT NULL', 'ALTER ' . column() . ' DROP EXPRESSION',
		'ALTER ' . pick(qw(id a p q)) . ' TYPE ' . pick('real', 'double precision', 'numeric', 'text', 'bigint'),
		('SET ACCESS METHOD ' . pick('heap', 'pgml', 'pgml')) x 2, 'ATTACH PARTITION ' . table() . ' ' . bounds(),
		'DETACH PARTITION ' . table(), 'INHERIT ' . table(), 'NO INHERIT ' . table(), 'ADD UNIQUE (' . column() . ')',
		'ADD CHECK (' . column() . ' > -100)', 'ADD PRIMARY KEY (' . column() . ')', 'RENAME ' . column() . ' TO ' . column(),
		'ADD FOREIGN KEY (' . column() . ') REFERENCES ' . table(), 'ALTER ' . column() . ' SET STATISTICS 10',
		pick('ENABLE', 'DISABLE') . ' ROW LEVEL SECURITY', 'OWNER TO ' . pick('random_user', 'postgres'),
		'ADD EXCLUDE USING btree (' . column() . ' WITH =) WHERE (' . column() . ' IS NOT NULL)',
		'SET ACCESS METHOD ' . pick('heap', 'pgml') . ', ADD COLUMN ' . definition(column()) . ', DROP COLUMN ' . column());
	return 'ALTER TABLE ' . pick(('') x 4, 'ONLY ') . table() . ' ' . pick(@actions);
}

sub create_index
{
	my $name = 'i' . ++$serial;
	my $key = pick(column(), column(), 'p', 'q', '(' . column() . ' * 2)', '(' . expression() . ')', 'round(' . column() . ')');
	return 'CREATE ' . pick(('') x 4, 'UNIQUE ') . 'INDEX ' . pick(('') x 5, 'CONCURRENTLY ') . $name . ' ON ' . pick(('') x 6, 'ONLY ') .
	  table() . " ($key" . pick('', ', id') . ')' . pick(('') x 6, ' INCLUDE (' . column() . ')') .
	  pick(('') x 3, ' WHERE ' . column() . ' > 5');
}

sub other
{
	my ($t, $c, $n) = (table(), column(), ++$serial);
	return pick(
		"CREATE STATISTICS s$n ON $c, " . column() . " FROM $t", "CREATE STATISTICS s$n ON $c FROM $t",
		"CREATE TRIGGER tr$n AFTER UPDATE" . pick('', " OF $c") . " ON $t FOR EACH ROW WHEN (OLD.$c IS DISTINCT FROM NEW.$c) EXECUTE FUNCTION suppress_redundant_updates_trigger()",
		"DROP TABLE $t", "VACUUM FULL $t", "REINDEX TABLE $t", "REINDEX TABLE CONCURRENTLY $t", "ANALYZE $t",
		"TRUNCATE $t", ("INSERT INTO $t (id, a, b) SELECT g, g, g % 7 FROM generate_series(0, " . int(rand(50)) . ') g') x 3,
		"UPDATE $t SET a = a + 1 WHERE id % 3 = 0", "DELETE FROM $t WHERE p > 100", "SELECT * FROM $t ORDER BY p LIMIT 2",
		"CREATE RULE r AS ON INSERT TO $t DO ALSO SELECT NEW.p", "DROP RULE r ON $t", "CREATE POLICY po$n ON $t USING ($c > 0)",
		"CREATE PUBLICATION pub$n FOR TABLE $t WHERE ($c > 3)", 'DROP INDEX i' . int(rand($n)),
		map { "SELECT deployed FROM pgml.train('random', 'regression', 'public.$_', 'price', algorithm => 'linear')" } qw(training opposite));
}

# One random script; every 25 statements the state is checked.
sub script
{
	my ($count) = @_;
	my @lines = ('\set VERBOSITY verbose', '\set ON_ERROR_ROLLBACK on', 'SET client_min_messages = warning; SET search_path = random_ddl, public, pgml;');
	# Something to begin with, of every kind.
	my $price = "p double precision GENERATED ALWAYS AS (pgml.predict('random', a, b)) STORED";
	push @lines, "CREATE TABLE t0 (id int, a real, b real, $price) USING pgml;", 'CREATE TABLE t1 () INHERITS (t0);',
	  "CREATE TABLE t2 (id int, a real, b real, $price) PARTITION BY RANGE (id);",
	  'CREATE TABLE t3 PARTITION OF t2 FOR VALUES FROM (0) TO (10) USING pgml;',
	  "CREATE TABLE t4 ($price, id int, gone text, b real, a real);", 'ALTER TABLE t4 DROP COLUMN gone;',
	  map { "INSERT INTO $_ (id, a, b) SELECT g, g, g % 7 FROM generate_series(0, 9) g;" } qw(t0 t1 t2 t4);
	my $transaction = 0;
	for my $i (1 .. $count)
	{
		if (!$transaction && chance(0.03)) { push @lines, 'BEGIN;'; $transaction = 1; }
		elsif ($transaction && chance(0.1)) { push @lines, pick('COMMIT;', 'ROLLBACK;'); $transaction = 0; }
		push @lines, pick((\&create) x 2, (\&alter) x 3, (\&create_index) x 2, (\&other) x 3)->() . ';';
		push @lines, 'SELECT check_state();' if $i % 25 == 0 && !$transaction;
	}
	return join "\n", @lines, $transaction ? 'COMMIT;' : (), 'SELECT check_state();', '';
}

my $node = new_node('random_ddl', settings => "wal_level = logical\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pgml_am;
CREATE ROLE random_user;
CREATE FUNCTION mine(real) RETURNS real LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE TABLE training AS SELECT g::real AS a, (g % 5)::real AS b, (g * 3 + (g % 5) * 10)::float8 AS price FROM generate_series(1, 200) g;
CREATE TABLE opposite AS SELECT a, b, -price AS price FROM training;
SELECT * FROM pgml.train('random', 'regression', 'training', 'price', algorithm => 'linear');
SELECT pgml.grant_use('random', 'random_user');

-- Raises a warning for everything that must not be.
CREATE FUNCTION check_state() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	real_call text;
	different bigint;
	by_sort text;
	by_index text;
	n int := 0;
BEGIN
	FOR r IN
		SELECT c.oid AS rel, c.oid::regclass AS name, c.relkind, amname, attname, attnum, attnotnull,
			pg_get_expr(adbin, adrelid) AS expression, format_type(atttypid, atttypmod) AS type
		FROM pg_attrdef JOIN pg_class c ON c.oid = adrelid LEFT JOIN pg_am m ON m.oid = relam
			JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
		WHERE relnamespace = 'random_ddl'::regnamespace AND attgenerated = 's'
	LOOP
		IF r.expression ~ 'predict\(' AND (r.amname = 'pgml' OR r.relkind = 'p') THEN
			RAISE WARNING 'WRONG: real call in %.%: %', r.name, r.attname, r.expression;
		END IF;
		CONTINUE WHEN r.expression !~ '_deferred';
		n := n + 1;
		IF r.attnotnull OR r.expression ~ 'mine' THEN
			RAISE WARNING 'WRONG: NOT NULL or user function in %.%', r.name, r.attname;
		END IF;
		IF EXISTS (SELECT FROM pg_index WHERE indrelid = r.rel AND r.attnum = ANY (indkey::int2[]))
			OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = r.rel AND r.attnum = ANY (conkey))
			OR EXISTS (SELECT FROM pg_statistic_ext WHERE stxrelid = r.rel AND r.attnum = ANY (stxkeys::int2[]))
			OR EXISTS (SELECT FROM pg_publication_rel WHERE prrelid = r.rel AND prqual::text ~ (':varattno ' || r.attnum || ' '))
			OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = r.rel AND
				(r.attnum = ANY (tgattr::int2[]) OR tgqual::text ~ (':varattno ' || r.attnum || ' '))) THEN
			RAISE WARNING 'WRONG: something uses the stored %.%', r.name, r.attname;
		END IF;
		real_call := replace(r.expression, '_deferred(', '(');
		EXECUTE format('SELECT count(*) FROM %s WHERE (%s)::%s IS DISTINCT FROM %I', r.name, real_call, r.type, r.attname) INTO different;
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true);
		EXECUTE format('SELECT string_agg(%1$I::text, '','' ORDER BY %1$I) FROM %2$s', r.attname, r.name) INTO by_sort;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
		EXECUTE format('SELECT string_agg(x::text, '','') FROM (SELECT %1$I AS x FROM %2$s ORDER BY %1$I) s', r.attname, r.name) INTO by_index;
		IF different > 0 OR by_sort IS DISTINCT FROM by_index THEN
			RAISE WARNING 'WRONG: predictions of %.%: % rows differ, by sort %, by index %', r.name, r.attname, different, by_sort, by_index;
		END IF;
		PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), set_config('enable_bitmapscan', 'on', true);
	END LOOP;
	FOR r IN
		SELECT inhparent::regclass AS parent, inhrelid::regclass AS child, p.attname,
			coalesce(pg_get_expr(pd.adbin, pd.adrelid), '') AS of_parent, coalesce(pg_get_expr(cd.adbin, cd.adrelid), '') AS of_child
		FROM pg_inherits JOIN pg_class ON pg_class.oid = inhparent
			JOIN pg_attribute p ON p.attrelid = inhparent AND p.attnum > 0 AND NOT p.attisdropped
			JOIN pg_attribute c ON c.attrelid = inhrelid AND c.attname = p.attname
			LEFT JOIN pg_attrdef pd ON pd.adrelid = inhparent AND pd.adnum = p.attnum
			LEFT JOIN pg_attrdef cd ON cd.adrelid = inhrelid AND cd.adnum = c.attnum
		WHERE relkind IN ('r', 'p')
	LOOP
		IF r.of_parent <> r.of_child AND r.of_parent || r.of_child ~ 'deferred' THEN
			RAISE WARNING 'WRONG: % of % and %: % and %', r.attname, r.parent, r.child, r.of_parent, r.of_child;
		END IF;
	END LOOP;
	RETURN 'checked ' || n || ' columns';
END $$;
SQL

for my $seed (@seeds)
{
	srand($seed);
	$node->safe_psql('postgres', q{
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS random_ddl CASCADE;
CREATE SCHEMA random_ddl;
GRANT ALL ON SCHEMA random_ddl TO random_user;
});
	my ($stdout, $stderr) = ('', '');
	my $status = $node->psql('postgres', script($statements), stdout => \$stdout, stderr => \$stderr, on_error_stop => 0, timeout => 200);
	is($status, 0, "seed $seed: the session lives");
	is(join("\n", grep { /WRONG:/ } split /\n/, $stderr), '', "seed $seed: state and answers");
	unlike($stderr, qr/ERROR:  XX/, "seed $seed: no internal error");
	my ($checked, $errors) = (0, scalar(() = $stderr =~ /ERROR:/g));
	$checked += $1 while $stdout =~ /checked (\d+) columns/g;
	note("seed $seed: $errors of $statements statements refused, $checked columns checked");
	unlike($stderr, qr/check_state\(\) line/, "seed $seed: the checks themselves run");
}
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no crash');
$node->stop;
done_testing();
