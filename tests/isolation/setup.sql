-- One database for all specs: a project "p" with two versions, of which a spec deploys what it needs.
--   rising:  y = 100 x          falling:  y = 10000 - 100 x
-- The fit is exact but for rounding, so specs print round(y).
CREATE EXTENSION pgml_am;
CREATE TABLE training_rising AS SELECT i::real AS x, 100.0 * i AS y FROM generate_series(1, 200) i;
CREATE TABLE training_falling AS SELECT i::real AS x, 10000 - 100.0 * i AS y FROM generate_series(1, 200) i;
SELECT algorithm, deployed FROM pgml.train('p', 'regression', 'training_rising', 'y', algorithm => 'linear');
CREATE TABLE versions AS SELECT 'rising'::text AS name, max(id) AS model_id FROM pgml.models;
SELECT algorithm FROM pgml.train('p', 'regression', 'training_falling', 'y', algorithm => 'linear', automatic_deploy => false);
INSERT INTO versions SELECT 'falling', max(id) FROM pgml.models;

CREATE FUNCTION deploy_version(version text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	deployed text;
BEGIN
	SELECT d.project || ' ' || version INTO deployed
		FROM versions v, LATERAL pgml.deploy(v.model_id) d WHERE v.name = version;
	RETURN deployed;
END$$;

-- Makes table h anew: id 1..9, x = 10 id, hence y = 1000 id under "rising".
CREATE FUNCTION make_h() RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
	DROP TABLE IF EXISTS h;
	PERFORM deploy_version('rising');
	CREATE TABLE h (id int PRIMARY KEY, x real, note text, y float8 GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
	INSERT INTO h SELECT i, 10 * i, 'n' || i FROM generate_series(1, 9) i;
END$$;

-- Whether an index scan in the order of y and a sort of a sequential scan agree, and the order.
CREATE FUNCTION both_ways() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	by_index text;
	by_scan text;
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	SELECT string_agg(id || ':' || round(y), ' ') INTO by_index FROM (SELECT id, y FROM h ORDER BY y OFFSET 0) s;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_sort = on;
	SET LOCAL enable_indexscan = off;
	SET LOCAL enable_bitmapscan = off;
	SELECT string_agg(id || ':' || round(y), ' ') INTO by_scan FROM (SELECT id, y FROM h ORDER BY y OFFSET 0) s;
	SET LOCAL enable_indexscan = on;
	SET LOCAL enable_bitmapscan = on;
	RETURN CASE WHEN by_index = by_scan THEN 'agree: ' ELSE 'DIFFER: ' || by_index || ' / ' END || by_scan;
END$$;
