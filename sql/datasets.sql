-- pgml.load_dataset: the toy sets, and what is refused.
CREATE FUNCTION pg_temp.error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ': ' || SQLERRM || CASE WHEN hint <> '' THEN E'\n' || hint ELSE '' END;
END $$;
SET client_min_messages = warning;
DROP TABLE IF EXISTS pgml.breast_cancer, pgml.diabetes, pgml.digits, pgml.iris, pgml.linnerud, pgml.wine;
RESET client_min_messages;

SELECT name, loaded.* FROM unnest(ARRAY['breast_cancer', 'diabetes', 'digits', 'iris', 'linnerud', 'wine']) AS name,
	LATERAL pgml.load_dataset(name) AS loaded ORDER BY name;
SELECT attrelid::regclass, string_agg(format('%s %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
FROM pg_attribute
WHERE attrelid = ANY (ARRAY['pgml.breast_cancer', 'pgml.diabetes', 'pgml.digits', 'pgml.iris', 'pgml.linnerud', 'pgml.wine']::regclass[])
	AND attnum > 0 GROUP BY attrelid ORDER BY attrelid::regclass::text;

-- Known facts of the sets.
SELECT malignant, count(*), avg("mean radius")::numeric(10, 4) AS radius FROM pgml.breast_cancer GROUP BY malignant ORDER BY 1;
SELECT count(*), avg(target)::numeric(10, 4) AS target, avg(bmi)::numeric(10, 4) AS bmi FROM pgml.diabetes;
SELECT target, count(*), array_dims(min(image)) AS dims, bool_and(16 >= ALL (image)) AS in_range FROM pgml.digits GROUP BY target ORDER BY 1;
SELECT target, count(*), avg(petal_length)::numeric(10, 4) AS petal_length FROM pgml.iris GROUP BY target ORDER BY 1;
SELECT count(*), avg(chins)::numeric(10, 4) AS chins, avg(pulse)::numeric(10, 4) AS pulse FROM pgml.linnerud;
-- Hue is about 1, colour intensity about 5: the two are not swapped.
SELECT target, count(*), avg(color_intensity)::numeric(10, 4) AS color, avg(hue)::numeric(10, 4) AS hue FROM pgml.wine GROUP BY target ORDER BY 1;

-- Loading again replaces the table; "limit" takes the first rows.
SELECT * FROM pgml.load_dataset('iris', "limit" => 3);
SELECT * FROM pgml.iris;
SELECT * FROM pgml.load_dataset('iris', "limit" => 0);
SELECT * FROM pgml.load_dataset('iris', NULL, 1000, NULL);

-- What is refused.
SELECT pg_temp.error_of($$SELECT pgml.load_dataset('mnist')$$);
SELECT pg_temp.error_of($$SELECT pgml.load_dataset('../datasets/iris')$$);
SELECT pg_temp.error_of($$SELECT pgml.load_dataset('IRIS')$$);
SELECT pg_temp.error_of($$SELECT pgml.load_dataset('')$$);
SELECT pg_temp.error_of($$SELECT pgml.load_dataset(NULL)$$);
SELECT pg_temp.error_of($$SELECT pgml.load_dataset('iris', 'train')$$);
SELECT pg_temp.error_of($$SELECT pgml.load_dataset('iris', kwargs => '{"a": 1}')$$);
SELECT pg_temp.error_of($$SELECT pgml.load_dataset('iris', "limit" => -1)$$);
CREATE VIEW iris_view AS SELECT target FROM pgml.iris;
SELECT pg_temp.error_of($$SELECT pgml.load_dataset('iris')$$);
SELECT count(*) FROM pgml.iris;
DROP VIEW iris_view;

-- Anybody may load a set that is not there and read it; only the owner replaces it.
CREATE ROLE regress_datasets_user;
DROP TABLE pgml.linnerud;
SET ROLE regress_datasets_user;
SET default_table_access_method = pgml;
SELECT * FROM pgml.load_dataset('linnerud');
RESET default_table_access_method;
SELECT count(*) FROM pgml.linnerud;
SELECT pg_temp.error_of($$SELECT pgml.load_dataset('linnerud')$$);
SELECT pg_temp.error_of($$INSERT INTO pgml.linnerud SELECT * FROM pgml.linnerud$$);
SELECT pg_temp.error_of($$CREATE TABLE pgml.mine (a int)$$);
RESET ROLE;
SELECT tableowner, amname FROM pg_tables JOIN pg_class ON oid = 'pgml.linnerud'::regclass JOIN pg_am ON pg_am.oid = relam
WHERE schemaname = 'pgml' AND tablename = 'linnerud';
DROP ROLE regress_datasets_user;
