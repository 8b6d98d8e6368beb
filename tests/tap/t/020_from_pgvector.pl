# Coming from pgvector: the extension "vector" that stands for it, a dump of a database that used it, and what CREATE EXTENSION
# pgml_am says where pgvector's own extension is.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use PgmlTest;

my $node = new_node('main');
$node->start;
my ($rc, $out, $err);

# The extension "vector" needs ours, brings it along with CASCADE, and is nothing of its own.
$node->safe_psql('postgres', 'CREATE DATABASE shim');
($rc, $out, $err) = $node->psql('shim', 'CREATE EXTENSION IF NOT EXISTS vector');
like($err, qr/required extension "pgml_am" is not installed\nHINT:  Use CREATE EXTENSION ... CASCADE/, 'it says what it needs');
$node->safe_psql('shim', 'CREATE EXTENSION vector CASCADE');
is($node->safe_psql('shim', "SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension WHERE extname IN ('pgml_am', 'vector')"),
	'pgml_am vector', 'CASCADE installs ours');
is($node->safe_psql('shim', "SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vector' WHERE d.deptype = 'e'"),
	'0', 'it has no members');
like($node->safe_psql('shim', "SELECT extversion FROM pg_extension WHERE extname = 'vector'"), qr/\A[0-9.]+\.pgml\z/, 'no version of pgvector');
# As clients do, as a role that may not create anything.
$node->safe_psql('shim', 'CREATE ROLE client LOGIN');
($rc, $out, $err) = $node->psql('shim', "SET ROLE client; CREATE EXTENSION IF NOT EXISTS vector; SELECT '[1,2]'::vector <-> '[4,6]'");
is("$rc $out", '0 5', 'clients create it where it is');
like($err, qr/extension "vector" already exists, skipping/, 'and are told so');

# Dump and restore keep the order: first ours, then the one that requires it.
$node->safe_psql('shim', "CREATE TABLE items (id int, embedding vector(2)); INSERT INTO items VALUES (1, '[1,2]')");
my $dump = $node->basedir . '/shim.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('shim') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('restored') ], 'restore');
is($node->safe_psql('restored', 'SELECT embedding FROM items'), '[1,2]', 'values are there');
($rc, $out, $err) = $node->psql('shim', 'DROP EXTENSION pgml_am');
like($err, qr/column embedding of table items depends on type vector/, 'the type is in use');
$node->safe_psql('shim', 'DROP EXTENSION vector');
is($node->safe_psql('shim', 'SELECT embedding FROM items'), '[1,2]', 'without it, the type stays');

# What pg_dump writes for a database that used pgvector, restored where ours is.
my $pgvector_dump = $node->basedir . '/pgvector.sql';
append_to_file($pgvector_dump, <<'SQL');
SELECT pg_catalog.set_config('search_path', '', false);
CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';
CREATE TABLE public.items (id bigint NOT NULL, embedding public.vector(3), tags text[]);
CREATE VIEW public.near AS
 SELECT items.id
   FROM public.items
  ORDER BY (items.embedding OPERATOR(public.<->) '[3,1,2]'::public.vector)
 LIMIT 5;
COPY public.items (id, embedding, tags) FROM stdin;
1	[1,2,3]	{a}
2	[0.1,-1e-07,3.4028235e+38]	\N
3	\N	{}
\.
ALTER TABLE ONLY public.items ADD CONSTRAINT items_pkey PRIMARY KEY (id);
CREATE INDEX items_embedding_idx ON public.items USING hnsw (embedding public.vector_l2_ops) WITH (m='16', ef_construction='64');
CREATE INDEX items_ordered ON public.items USING btree (embedding);
SQL
$node->safe_psql('postgres', 'CREATE DATABASE moved');
$node->safe_psql('moved', 'CREATE EXTENSION pgml_am');
($rc, $out, $err) = $node->psql('moved', undef, on_error_stop => 0, extra_params => [ '-f', $pgvector_dump ]);
my @errors = $err =~ /ERROR:  (.*)/g;
is_deeply(\@errors, ['access method "hnsw" does not exist'], 'only the index of the other method is refused') or diag($err);
is($node->safe_psql('moved', 'SELECT id, embedding, tags FROM items ORDER BY id'), "1|[1,2,3]|{a}\n2|[0.1,-1e-07,3.4028235e+38]|\n3||{}",
	'rows are the same');
is($node->safe_psql('moved', 'SELECT id FROM near LIMIT 1'), '1', 'views search');
is($node->safe_psql('moved', "SELECT count(*) FROM pg_indexes WHERE tablename = 'items'"), '2', 'the other indexes are there');

# pgvector itself in the database. Its files cannot be put into this server, so its rows in the catalog stand for it.
$node->safe_psql('postgres', 'CREATE DATABASE occupied');
$node->safe_psql('occupied', q{
CREATE TYPE vector AS (x real);
CREATE SCHEMA other;
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
	VALUES (99999, 'vector', 10, 'public'::regnamespace, true, '0.8.0');
});
($rc, $out, $err) = $node->psql('occupied', "\\set VERBOSITY verbose\nCREATE EXTENSION pgml_am");
like($err, qr/ERROR:  42710: extension "vector" has its type "vector" in schema "public"\n/, 'CREATE EXTENSION says what is in its way');
like($err, qr/HINT:  Either DROP EXTENSION vector first .* or keep it and CREATE EXTENSION pgml_am SCHEMA another_schema\./, 'and what to do');
($rc, $out, $err) = $node->psql('occupied', 'CREATE EXTENSION pgml_am SCHEMA other');
is($rc, 0, 'in another schema it goes');
like($err, qr/WARNING:  extension "vector" has a type "vector" too, in schema "public"\n.*HINT:  Which one an unqualified name means is decided by search_path/s,
	'with a warning');
is($node->safe_psql('occupied', "SELECT '[1,2]'::other.vector OPERATOR(other.<->) '[4,6]'"), '5', 'and works there');

done_testing();
