-- Materialised snapshots, and what becomes of old models and snapshots.
CREATE SCHEMA regress_retention;
CREATE ROLE regress_retention_owner;
CREATE ROLE regress_retention_other;
GRANT ALL ON SCHEMA regress_retention TO regress_retention_owner, regress_retention_other;
SET search_path = regress_retention, public;
SET client_min_messages = warning;
CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN regexp_replace(SQLSTATE || ': ' || SQLERRM, '(snapshot[ _]|model )\d+', '\1N') || CASE WHEN detail <> '' THEN E'\n' || detail ELSE '' END ||
		CASE WHEN hint <> '' THEN E'\n' || hint ELSE '' END;
END $$;
CREATE TYPE size AS ENUM ('small', 'large');
CREATE TABLE rows (id int, a real, "B b" numeric(8, 2), size size, tags real[], y float8);
INSERT INTO rows SELECT i, i % 13, i % 7 + 0.25, CASE WHEN i % 2 = 0 THEN 'small' ELSE 'large' END::size, ARRAY[i, i % 3], i % 13 + 3 * (i % 2) FROM generate_series(1, 100) i;
ALTER TABLE rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON rows USING (id <= 80);
CREATE VIEW plain AS SELECT id, a, y FROM rows;
GRANT SELECT ON rows, plain TO regress_retention_owner;
CREATE FUNCTION last_snapshot() RETURNS bigint LANGUAGE sql AS $$ SELECT max(id) FROM pgml.snapshots $$;
CREATE FUNCTION snapshot_tables() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM pg_class JOIN pgml.snapshots s ON relname = 'snapshot_' || s.id AND relnamespace = 'pgml'::regnamespace WHERE s.relation_name = 'regress_retention.rows' $$;
CREATE VIEW mine AS SELECT p.name, m.id, m.algorithm, m.snapshot_id, m.hyperparams, t.deployed FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id JOIN pgml.trained_models t ON t.id = m.id WHERE p.name LIKE 'keep%';
GRANT SELECT ON mine TO PUBLIC;

SET ROLE regress_retention_owner;
SELECT deployed FROM pgml.train('keep', 'regression', 'rows', 'y', 'ridge', materialize_snapshot => true);
SELECT relation_name, y_column_name, materialized, analysis ->> 'samples' AS samples, length(analysis ->> 'fingerprint') AS fingerprint, owner FROM pgml.snapshots WHERE id = last_snapshot();
-- The rows that the trainer saw, in the relation's order; the snapshot's owner reads them and cannot change them.
SELECT format('pgml.snapshot_%s', last_snapshot()) AS kept \gset
SELECT count(*), max(id), bool_and(row_number = id) AS in_order FROM (SELECT id, row_number() OVER () FROM :kept) AS k;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = :'kept'::regclass AND attnum > 0 ORDER BY attnum;
SELECT regexp_replace(error_of(format(command, :'kept')), '\d+', 'N') FROM unnest(ARRAY['INSERT INTO %s (id) VALUES (1)', 'DELETE FROM %s', 'DROP TABLE %s', 'ALTER TABLE %s ADD x int', 'TRUNCATE %s']) AS command;
SET ROLE regress_retention_other;
SELECT error_of(format('SELECT * FROM %s', :'kept')), error_of(format($$SELECT pgml.train('keep other', 'regression', %L)$$, :'kept'));
SET ROLE regress_retention_owner;

-- Whatever happens to the relation, later models of the project are trained and tested on the same rows.
RESET ROLE;
UPDATE rows SET y = -y, a = a * 2;
SET ROLE regress_retention_owner;
SELECT deployed FROM pgml.train('keep', algorithm => 'ridge');
SELECT deployed FROM pgml.train('keep', algorithm => 'ridge', hyperparams => '{"random_state": 5}', materialize_snapshot => true);
SELECT count(DISTINCT snapshot_id) AS snapshots, count(DISTINCT data) AS models, count(*) FROM mine JOIN pgml.files f ON f.model_id = mine.id WHERE name = 'keep';
-- Another project can take them too, by the name of the table: the split is the snapshot's.
SELECT deployed FROM pgml.train('keep too', 'regression', :'kept', test_size => 0.7, algorithm => 'ridge');
SELECT count(DISTINCT snapshot_id) AS snapshots, count(DISTINCT data) AS models, count(*) FROM mine JOIN pgml.files f ON f.model_id = mine.id;
-- Without a kept snapshot the change shows.
SET client_min_messages = notice;
SELECT deployed FROM pgml.train('keep', 'regression', 'rows', 'y', 'ridge', automatic_deploy => true);
SET client_min_messages = warning;
SELECT relation_name, materialized FROM pgml.overview JOIN pgml.snapshots USING (relation_name) WHERE name = 'keep' GROUP BY 1, 2 ORDER BY 2;

-- A snapshot goes with its last model, not before.
SELECT error_of(format('SELECT pgml.drop_snapshot(%s)', substr(:'kept', 15)));
SELECT error_of('SELECT pgml.drop_snapshot(0)'), error_of('SELECT pgml.drop_snapshot(NULL)');
SELECT snapshot_tables();
SELECT pgml.drop_project('keep');
SELECT snapshot_tables();
CREATE VIEW onto AS SELECT count(*) FROM :kept;
SELECT regexp_replace(error_of($$SELECT pgml.drop_project('keep too')$$), '\d+', 'N', 'g');
DROP VIEW onto;
SELECT pgml.drop_project('keep too');
SELECT snapshot_tables();
SELECT error_of(format('TABLE %s', :'kept'));

-- pgml.snapshot keeps rows without a model.
SELECT * FROM pgml.snapshot('rows', 'y', test_size => 0.5, test_sampling => 'last');
SELECT format('pgml.snapshot_%s', last_snapshot()) AS kept, last_snapshot() AS kept_id \gset
SELECT deployed FROM pgml.train('keep', 'regression', :'kept');
SELECT test_size, test_sampling FROM pgml.overview WHERE name = 'keep';
SELECT pgml.drop_project('keep');
SELECT count(*) FROM pgml.snapshots WHERE id = :kept_id;
SELECT * FROM pgml.snapshot('rows', 'y');
SELECT last_snapshot() AS kept_id \gset
SET ROLE regress_retention_other;
SELECT error_of(format('SELECT pgml.drop_snapshot(%s)', :'kept_id'));
SET ROLE regress_retention_owner;
BEGIN;
SELECT pgml.drop_snapshot(:kept_id);
SELECT snapshot_tables();
ROLLBACK;
SELECT snapshot_tables();
SELECT pgml.drop_snapshot(:kept_id);
SELECT snapshot_tables();
-- A training that fails keeps nothing.
SELECT error_of($$SELECT pgml.train('keep none', 'regression', 'rows', 'y', 'knn', '{"n_neighbors": 5000}', materialize_snapshot => true)$$);
SELECT snapshot_tables();

-- Pruning: what answers, what a rollback would bring back, and what is named by its id stay.
SELECT count(*) FROM unnest(ARRAY[1, 10, 100, 1000, 10000, 100000, 1000000]) AS alpha,
	LATERAL pgml.train('keep', 'regression', 'plain', 'y', 'ridge', format('{"alpha": %s}', alpha)::jsonb, automatic_deploy => false) AS t;
CREATE FUNCTION model(alpha int) RETURNS bigint LANGUAGE sql AS $$ SELECT id FROM mine WHERE name = 'keep' AND (hyperparams ->> 'alpha')::int = alpha $$;
SELECT count(*) FROM unnest(ARRAY[100000, 10000, 1000000]) AS alpha, LATERAL pgml.deploy(model(alpha)) AS d;
DO $$ BEGIN EXECUTE format('CREATE TABLE named (id int, a real, p float8 GENERATED ALWAYS AS (pgml.predict(%s, id, a)) STORED) USING pgml', regress_retention.model(1000)); END $$;
BEGIN;
SELECT algorithm, score IS NOT NULL AS score, created_at <= clock_timestamp()::timestamp AS created FROM pgml.prune_models('keep', 2);
SELECT hyperparams, deployed FROM mine WHERE name = 'keep' ORDER BY id;
SELECT count(*) AS rolled_back FROM pgml.deploy('keep', 'rollback');
ROLLBACK;
SELECT count(*) FROM pgml.prune_models('keep', 1, 'most_recent');
SELECT hyperparams, deployed FROM mine WHERE name = 'keep' ORDER BY id;
SELECT count(*) FROM pgml.prune_models('keep', 0);
SELECT count(*) FROM pgml.prune_models('keep');
SELECT hyperparams, deployed FROM mine WHERE name = 'keep' ORDER BY id;
SELECT error_of($$SELECT pgml.prune_models('keep', -1)$$), error_of($$SELECT pgml.prune_models('keep', NULL)$$), error_of($$SELECT pgml.prune_models('keep', 1, 'rollback')$$),
	error_of($$SELECT pgml.prune_models('no such')$$), error_of($$SELECT pgml.prune_models(NULL)$$);
SET ROLE regress_retention_other;
SELECT error_of($$SELECT pgml.prune_models('keep')$$);
SET ROLE regress_retention_owner;
BEGIN READ ONLY;
SELECT pgml.prune_models('keep');
ROLLBACK;
DROP TABLE named;
SELECT pgml.drop_project('keep');
SELECT count(*) AS left_behind FROM pgml.snapshots WHERE relation_name LIKE 'regress_retention.%';
RESET ROLE;
DROP SCHEMA regress_retention CASCADE;
DROP ROLE regress_retention_owner, regress_retention_other;
