-- Dropping, renaming, exporting and importing models.
CREATE SCHEMA regress_lifecycle;
CREATE ROLE regress_lifecycle_owner;
CREATE ROLE regress_lifecycle_other;
GRANT ALL ON SCHEMA regress_lifecycle TO regress_lifecycle_owner, regress_lifecycle_other;
SET search_path = regress_lifecycle, public;
SET client_min_messages = warning;
CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN regexp_replace(SQLSTATE || ': ' || SQLERRM, 'model \d+', 'model N') || CASE WHEN detail <> '' THEN E'\n' || detail ELSE '' END ||
		CASE WHEN hint <> '' THEN E'\n' || hint ELSE '' END;
END $$;
CREATE TABLE rows AS SELECT a::real, 10.0 * a + (a * 7919 % 13) AS y, a > 50 AS big, 'c' || a % 3 AS category FROM generate_series(1, 100) AS a;
GRANT SELECT ON rows TO PUBLIC;
CREATE VIEW mine AS SELECT p.name, m.algorithm, m.runtime, m.status, m.num_features AS width, m.row_cost > 0 AS cost, m.metrics IS NOT NULL AS metrics,
	m.snapshot_id IS NOT NULL AS snapshot, t.deployed, (SELECT count(*) FROM pgml.files f WHERE f.model_id = m.id) AS files
	FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id JOIN pgml.trained_models t ON t.id = m.id
	WHERE p.name LIKE 'life%' ORDER BY m.id;
GRANT SELECT ON mine TO PUBLIC;
CREATE FUNCTION model_of(project text, algorithm text) RETURNS bigint LANGUAGE sql AS $$
	SELECT max(m.id) FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = $1 AND m.algorithm = $2
$$;
CREATE FUNCTION snapshots() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM pgml.snapshots WHERE relation_name LIKE 'regress_lifecycle.%' $$;

SET ROLE regress_lifecycle_owner;
SELECT deployed FROM pgml.train('life', 'regression', 'rows', 'y');
SELECT deployed FROM pgml.train('life', 'regression', 'rows', 'y', 'ridge', automatic_deploy => false);
SELECT deployed FROM pgml.train('life', 'regression', 'rows', 'y', 'lasso', automatic_deploy => false);
SELECT deployed FROM pgml.train('life classes', 'classification', 'rows', 'big', 'xgboost', '{"n_estimators": 3}');

-- Dropping a model: not the deployed one, not one that a column or an index names.
SELECT error_of('SELECT pgml.drop_model(' || model_of('life', 'linear') || ')');
DO $$ BEGIN EXECUTE format('CREATE TABLE by_id (a real, big boolean, category text, p double precision GENERATED ALWAYS AS (pgml.predict(%s, a, big, category)) STORED) USING pgml', regress_lifecycle.model_of('life', 'ridge')); END $$;
RESET ROLE;
DO $$ BEGIN EXECUTE format('CREATE INDEX by_id_idx ON rows (pgml.predict(%s::bigint, a, big, category))', regress_lifecycle.model_of('life', 'ridge')); END $$;
SET ROLE regress_lifecycle_owner;
SELECT error_of('SELECT pgml.drop_model(' || model_of('life', 'ridge') || ')');
DROP TABLE by_id;
RESET ROLE;
DROP INDEX by_id_idx;
SET ROLE regress_lifecycle_owner;
SELECT snapshots();
SELECT pgml.drop_model(model_of('life', 'ridge'));
SELECT snapshots();
SELECT algorithm, deployed, files FROM mine;
SELECT error_of('SELECT pgml.drop_model(0)'), error_of('SELECT pgml.drop_model(NULL)');
-- One that was deployed before goes with its history; what answers stays.
SELECT algorithm FROM pgml.deploy(model_of('life', 'lasso'));
SELECT pgml.drop_model(model_of('life', 'linear'));
SELECT error_of($$SELECT pgml.deploy('life', 'rollback')$$);
SELECT round(pgml.predict('life', 5, false, 'c2')::numeric, 1) AS still;

-- Renaming.
CREATE TABLE houses (a real, big boolean, category text, price double precision GENERATED ALWAYS AS (pgml.predict('life', a, big, category)) STORED) USING pgml;
CREATE TABLE plain (a real, big boolean, category text);
CREATE INDEX plain_price_idx ON plain (pgml.predict('life', a, big, category));
CREATE INDEX houses_price_idx ON houses (price);
CREATE STATISTICS plain_price ON (pgml.predict('life'::varchar, a, big, category)) FROM plain;
SELECT error_of($$SELECT pgml.rename_project('life', 'life renamed')$$);
SELECT error_of($$SELECT pgml.drop_project('life')$$);
DROP INDEX plain_price_idx;
DROP STATISTICS plain_price;
SELECT error_of($$SELECT pgml.drop_project('life')$$);
DROP TABLE houses;
SELECT error_of($$SELECT pgml.rename_project('life', 'life classes')$$), error_of($$SELECT pgml.rename_project('life', '')$$),
	error_of($$SELECT pgml.rename_project('life', NULL)$$), error_of($$SELECT pgml.rename_project('no such', 'life 2')$$);
PREPARE answer AS SELECT round(pgml.predict('life', 5, false, 'c2')::numeric, 1);
EXECUTE answer;
BEGIN;
SELECT pgml.rename_project('life', 'life "renamed"');
SELECT round(pgml.predict('life "renamed"', 5, false, 'c2')::numeric, 1) AS renamed, error_of('EXECUTE answer');
ROLLBACK;
EXECUTE answer;
SELECT pgml.rename_project('life', 'life "renamed"');
EXECUTE answer;
SELECT name, algorithm FROM mine;
SELECT pgml.rename_project('life "renamed"', 'life');
-- An index that names a project which is not there any more is rebuilt when the name comes to mean another.
SELECT deployed FROM pgml.train('life old', 'regression', 'rows', 'y');
INSERT INTO plain SELECT a, big, category FROM rows;
CREATE INDEX plain_old_idx ON plain (pgml.predict('life old', a, big, category));
RESET ROLE;
DELETE FROM pgml.projects WHERE name = 'life old';
SET ROLE regress_lifecycle_owner;
SELECT pgml.rename_project('life', 'life old');
SET enable_seqscan = off;
SELECT count(*) AS found FROM plain p WHERE pgml.predict('life old', p.a, p.big, p.category) = pgml.predict('life old', 7, false, 'c1') AND a = 7;
RESET enable_seqscan;
DROP INDEX plain_old_idx;
SELECT pgml.rename_project('life old', 'life');

-- Another role's table keeps a project only when its owner may use it.
SET ROLE regress_lifecycle_other;
SELECT error_of($$SELECT pgml.drop_project('life')$$), error_of($$SELECT pgml.rename_project('life', 'x')$$);
RESET ROLE;
SELECT format('SELECT error_of(%L), error_of(%L)', 'SELECT pgml.drop_model(' || model_of('life', 'lasso') || ')', 'SELECT pgml.export_model(' || model_of('life', 'lasso') || ')') AS of_others \gset
SET ROLE regress_lifecycle_other;
:of_others;
CREATE TABLE others (a real, big boolean, category text, price double precision GENERATED ALWAYS AS (pgml.predict('life', a, big, category)) STORED) USING pgml;
SET ROLE regress_lifecycle_owner;
SELECT pgml.grant_use('life', 'regress_lifecycle_other');
SELECT error_of($$SELECT pgml.drop_project('life')$$);
SELECT pgml.revoke_use('life', 'regress_lifecycle_other');

-- Exporting and importing.
CREATE TABLE exported AS SELECT name, algorithm, pgml.export_model(id) AS data FROM pgml.trained_models WHERE name IN ('life', 'life classes');
SELECT pgml.import_model('life copy', data) = model_of('life copy', 'lasso') AS is_its_id FROM exported WHERE name = 'life';
SELECT pgml.import_model('life copy', data, 'pgml') = model_of('life copy', 'lasso') AS is_its_id FROM exported WHERE name = 'life';
SELECT pgml.import_model('life classes copy', data) > 0 AS imported FROM exported WHERE name = 'life classes';
SELECT * FROM mine;
SELECT count(*) AS rows, count(*) FILTER (WHERE pgml.predict('life', a, big, category) = pgml.predict('life copy', a, big, category)) AS equal,
	count(*) FILTER (WHERE pgml.predict_proba('life classes', a, y, category) = pgml.predict_proba('life classes copy', a, y, category)) AS equal_classes FROM rows;
SELECT count(*) AS same_bytes FROM exported JOIN mine m USING (name) JOIN pgml.trained_models t ON t.name = exported.name || ' copy' AND pgml.export_model(t.id) = data WHERE t.deployed;
SELECT name, strategy FROM pgml.deployments d JOIN pgml.projects p ON p.id = d.project_id WHERE name LIKE 'life % copy' OR name = 'life copy' ORDER BY 1;
-- The task must be the project's, the caller its owner.
SELECT error_of($$SELECT pgml.import_model('life copy', data) FROM exported WHERE name = 'life classes'$$);
SELECT error_of($$SELECT pgml.import_model('life copy', data, 'onnx') FROM exported LIMIT 1$$);
SELECT error_of($$SELECT pgml.import_model(NULL, '\x00')$$), error_of($$SELECT pgml.import_model('', '\x00')$$), error_of($$SELECT pgml.import_model('life copy', NULL)$$),
	error_of($$SELECT pgml.import_model('life copy', '\x00', NULL)$$), error_of($$SELECT pgml.export_model(0)$$), pgml.export_model(NULL) IS NULL AS of_null;
GRANT SELECT ON exported TO PUBLIC;
SET ROLE regress_lifecycle_other;
SELECT error_of($$SELECT pgml.import_model('life copy', data) FROM exported WHERE name = 'life'$$);
SET ROLE regress_lifecycle_owner;
BEGIN READ ONLY;
SAVEPOINT s;
SELECT pgml.drop_project('life');
ROLLBACK TO s;
SELECT pgml.import_model('life copy', '\x00');
ROLLBACK TO s;
SELECT count(pgml.export_model(id)) AS exported_read_only FROM pgml.trained_models WHERE name = 'life';
ROLLBACK;

-- Hostile bytes: flipped and cut, with a right checksum too. What is no model leaves nothing.
SELECT error_of($$SELECT pgml.import_model('life bad', '')$$);
SELECT error_of($$SELECT pgml.import_model('life bad', 'garbage')$$);
SELECT error_of($$SELECT pgml.import_model('life bad', set_byte(data, 100, get_byte(data, 100) # 1)) FROM exported WHERE name = 'life'$$);
SELECT error_of($$SELECT pgml.import_model('life bad', set_byte(data, 8, 9)) FROM exported WHERE name = 'life'$$);
SELECT count(*) AS left_behind FROM pgml.projects WHERE name = 'life bad';
-- zlib's CRC-32, so that damage gets past the checksum.
CREATE FUNCTION with_checksum(data bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE crc bigint = 4294967295; byte int;
BEGIN
	FOR i IN 24 .. length(data) - 1 LOOP
		crc = crc # get_byte(data, i);
		FOR bit IN 1 .. 8 LOOP
			crc = CASE WHEN crc & 1 = 1 THEN (crc >> 1) # 3988292384 ELSE crc >> 1 END;
		END LOOP;
	END LOOP;
	crc = crc # 4294967295;
	FOR i IN 0 .. 3 LOOP
		data = set_byte(data, 12 + i, ((crc >> (8 * i)) & 255)::int);
	END LOOP;
	RETURN data;
END $$;
SELECT with_checksum(data) = data AS checksum_is_right FROM exported WHERE name = 'life';
SELECT left(error_of(format('SELECT pgml.import_model(''life bad'', %L)', with_checksum(set_byte(data, i, get_byte(data, i) # 128)))), 5) AS result, count(*) > 0 AS seen
FROM exported, generate_series(24, length(data) - 1, 3) AS i WHERE name = 'life' GROUP BY 1 ORDER BY 1;
SELECT left(error_of(format('SELECT pgml.import_model(''life bad'', %L)', substr(data, 1, i))), 5) AS result, count(*) > 0 AS seen
FROM exported, generate_series(1, length(data) - 1, 7) AS i WHERE name = 'life' GROUP BY 1 ORDER BY 1;
-- A name that is no text, an algorithm that nobody knows.
SELECT error_of(format('SELECT pgml.import_model(''life bad'', %L)', with_checksum(set_byte(data, position('category'::bytea IN data) - 1, 255)))) FROM exported WHERE name = 'life';
SELECT error_of(format('SELECT pgml.import_model(''life bad'', %L)', with_checksum(set_byte(data, position('lasso'::bytea IN data) - 1, ascii('m'))))) FROM exported WHERE name = 'life';
SELECT pgml.drop_project(name) FROM pgml.projects WHERE name = 'life bad';

-- Dropping projects: models, bytes, history and snapshots go; a project that another role's table only names goes too.
SELECT count(pgml.drop_project(name)) AS dropped FROM (SELECT name FROM pgml.projects WHERE name LIKE 'life%' ORDER BY 1) AS p;
SELECT count(*) FROM mine;
-- The one of the project that was deleted by hand.
SELECT snapshots();
SELECT error_of($$SELECT pgml.drop_project('life')$$), error_of($$SELECT pgml.drop_project(NULL)$$);
RESET ROLE;
SELECT error_of('INSERT INTO others VALUES (1, false, ''c'')'), error_of('SELECT * FROM others');
DROP SCHEMA regress_lifecycle CASCADE;
DROP ROLE regress_lifecycle_owner, regress_lifecycle_other;
