-- pgml.snapshot.
CREATE SCHEMA regress_snapshot;
CREATE ROLE regress_snapshot_user;
GRANT USAGE ON SCHEMA regress_snapshot TO regress_snapshot_user;
SET search_path = regress_snapshot, public;
SET client_min_messages = warning;
CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
CREATE TABLE rows AS SELECT a::real, 'c' || a % 3 AS category, CASE WHEN a > 5 THEN 'high' ELSE 'low' END AS label, 2.0 * a AS y FROM generate_series(1, 10) AS a;
GRANT SELECT ON rows TO regress_snapshot_user;
CREATE TABLE secret AS TABLE rows;
CREATE TABLE empty (LIKE rows);
SELECT * FROM pgml.snapshot('rows', 'y');
SELECT * FROM pgml.snapshot('regress_snapshot.rows', 'label', 0.5, 'last', '{"a": {"scale": "standard"}}');
SELECT relation_name, y_column_name, test_size, test_sampling, status, analysis - 'fingerprint' AS analysis, materialized, jsonb_array_length(columns) AS columns, columns #>> '{0,statistics,max}' AS max
FROM pgml.snapshots WHERE relation_name LIKE 'regress_snapshot.%' ORDER BY id;
SELECT count(*) FROM pgml.snapshot('rows', NULL);
SELECT error_of($$SELECT pgml.snapshot('no_such', 'y')$$), error_of($$SELECT pgml.snapshot('rows', 'no_such')$$), error_of($$SELECT pgml.snapshot('', 'y')$$);
SELECT error_of($$SELECT pgml.snapshot('rows', 'y', 10)$$), error_of($$SELECT pgml.snapshot('rows', 'y', -1)$$), error_of($$SELECT pgml.snapshot('rows', 'y', preprocess => '[]')$$), error_of($$SELECT pgml.snapshot('empty', 'y')$$);
SET ROLE regress_snapshot_user;
SELECT error_of($$SELECT pgml.snapshot('secret', 'y')$$);
SELECT y_column_name FROM pgml.snapshot('rows', 'y');
SELECT count(*) AS own FROM pgml.snapshots WHERE relation_name LIKE 'regress_snapshot.%';
BEGIN READ ONLY;
SELECT pgml.snapshot('rows', 'y');
ROLLBACK;
RESET ROLE;
SELECT count(pgml.drop_snapshot(id)) FROM pgml.snapshots WHERE relation_name LIKE 'regress_snapshot.%';
DROP SCHEMA regress_snapshot CASCADE;
DROP ROLE regress_snapshot_user;
