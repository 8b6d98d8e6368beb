-- The real pgvector beside pgml_am: text and binary values go from one type to the other, and CREATE EXTENSION says what stands in
-- its way. Run by tests/versions/run; any failed check ends it.
DROP DATABASE IF EXISTS beside_pgvector;
CREATE DATABASE beside_pgvector;
\c beside_pgvector
DO $$ BEGIN
	ASSERT (SELECT count(*) FROM pg_available_extensions WHERE name = 'vector' AND default_version NOT LIKE '%pgml%') = 1, 'not pgvector''s extension';
END $$;
CREATE EXTENSION vector;
CREATE TABLE items (id int, embedding vector(3));
INSERT INTO items VALUES (1, '[1,2.5,-3e-7]'), (2, NULL), (3, '[0.1,1e10,-0]');
\copy items TO '/tmp/items.text'
\copy items TO '/tmp/items.binary' WITH (FORMAT binary)
DO $$
DECLARE
	message text;
	help text;
BEGIN
	BEGIN
		CREATE EXTENSION pgml_am;
		RAISE 'two types of one name';
	EXCEPTION WHEN duplicate_object THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, help = PG_EXCEPTION_HINT;
	END;
	ASSERT message = 'extension "vector" has its type "vector" in schema "public"', message;
	ASSERT help LIKE '%DROP EXTENSION vector%', help;
END $$;
-- Beside each other, in two schemas.
CREATE SCHEMA ours;
SET client_min_messages = error;
CREATE EXTENSION pgml_am SCHEMA ours;
CREATE TABLE ours.items (id int, embedding ours.vector(3));
\copy ours.items FROM '/tmp/items.text'
\copy ours.items FROM '/tmp/items.binary' WITH (FORMAT binary)
DO $$ BEGIN
	ASSERT (SELECT count(*) FROM ours.items) = 6;
	ASSERT (SELECT count(*) FROM ours.items o JOIN items i USING (id)
		WHERE o.embedding::text IS NOT DISTINCT FROM i.embedding::text) = 6, 'values changed on the way';
	ASSERT (SELECT bool_and(abs((o.embedding OPERATOR(ours.<->) '[1,1,1]') - (i.embedding <-> '[1,1,1]')) <= 1e-6 * (i.embedding <-> '[1,1,1]'))
		FROM ours.items o JOIN items i USING (id)), 'other distances';
END $$;
DROP EXTENSION vector CASCADE;
\c postgres
DROP DATABASE beside_pgvector;
