-- Versions: a statement answers with one version of a model, and the next statement after a deploy with the new one,
-- however its plan was made and wherever it is kept.
CREATE SCHEMA regress_plan_cache;
SET search_path = regress_plan_cache;
SET client_min_messages = warning;
-- Two models, y = a and y = 1000 + a.
CREATE TABLE first AS SELECT a::real, a::real AS y FROM generate_series(1, 100) AS a;
CREATE TABLE second AS SELECT a::real, 1000 + a::real AS y FROM generate_series(1, 100) AS a;
SELECT deployed FROM pgml.train('plan cache', 'regression', 'first', 'y');
SELECT deployed FROM pgml.train('plan cache', 'regression', 'second', 'y', automatic_deploy => false);
CREATE FUNCTION deploy(version int) RETURNS text LANGUAGE sql AS $$
	SELECT 'deployed ' || version FROM pgml.deploy((SELECT m.id FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id
		WHERE p.name = 'plan cache' ORDER BY m.id LIMIT 1 OFFSET version - 1))
$$;
CREATE TABLE t (id int PRIMARY KEY, a real, p float8 GENERATED ALWAYS AS (pgml.predict('plan cache', a)) STORED) USING pgml;
INSERT INTO t SELECT i, i FROM generate_series(1, 2000) i;
ANALYZE t;
RESET client_min_messages;

-- All ways a prediction gets into a plan: a column, a constant call, a parameter, a folded SQL function, a folded function of
-- another language, a column that the planner replaces by a constant, a project that is not a constant.
CREATE FUNCTION folded(real) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT pgml.predict('plan cache', $1) $$;
CREATE FUNCTION wrapper(real) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN pgml.predict('plan cache', $1); END $$;
PREPARE all_ways(int, text) AS SELECT round(p) AS "column", round(pgml.predict('plan cache', 1::real)) AS constant,
	round(pgml.predict('plan cache', $1::real)) AS parameter, round(folded(1)) AS folded, round(wrapper(1)) AS wrapper,
	round(pgml.predict('plan cache', x)) AS "values", round(pgml.predict($2, a)) AS project
	FROM t, (VALUES (1::real)) v(x) WHERE id = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE all_ways(1, 'plan cache');
SELECT deploy(2);
EXECUTE all_ways(1, 'plan cache');
BEGIN;
SELECT deploy(1);
EXECUTE all_ways(1, 'plan cache');
ROLLBACK;
EXECUTE all_ways(1, 'plan cache');
BEGIN;
SAVEPOINT s;
SELECT deploy(1);
EXECUTE all_ways(1, 'plan cache');
ROLLBACK TO s;
EXECUTE all_ways(1, 'plan cache');
COMMIT;
SET plan_cache_mode = force_custom_plan;
EXECUTE all_ways(1, 'plan cache');
SELECT deploy(1);
EXECUTE all_ways(1, 'plan cache');
RESET plan_cache_mode;
-- A plan without a deploy in between is kept.
PREPARE kept AS SELECT round(p) AS p FROM t WHERE id = 1;
SET plan_cache_mode = force_generic_plan;
EXECUTE kept;
EXECUTE kept;
SELECT generic_plans FROM pg_prepared_statements WHERE name = 'kept';
RESET plan_cache_mode;

-- A cursor stays with its version, also across errors and beyond its transaction.
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT id, round(p) AS "column", round(wrapper(a)) AS wrapper,
	round(pgml.predict(concat('plan', ' cache'), a)) AS project FROM t WHERE id < 6 ORDER BY id;
FETCH 1 FROM c;
SELECT deploy(2);
FETCH 1 FROM c;
SELECT round(p) AS p FROM t WHERE id = 3;
SAVEPOINT s;
SELECT p / 0 FROM t;
ROLLBACK TO s;
FETCH 1 FROM c;
SELECT round(p) AS p FROM t WHERE id = 3;
COMMIT;
FETCH 1 FROM c;
SELECT round(p) AS p FROM t WHERE id = 3;
CLOSE c;
SELECT deploy(1);
-- So does a statement that itself deploys; the statements it runs inside are statements of their own.
CREATE FUNCTION deploy_inside() RETURNS text LANGUAGE plpgsql AS $$
DECLARE before float8; expression float8; query float8; "column" float8;
BEGIN
	before = pgml.predict('plan cache', 1::real);
	PERFORM deploy(2);
	expression = pgml.predict('plan cache', 1::real);
	SELECT pgml.predict('plan cache', 1::real) INTO query;
	SELECT p INTO "column" FROM t WHERE id = 1;
	PERFORM deploy(1);
	RETURN concat_ws(' ', round(before), round(expression), round(query), round("column"));
END $$;
SELECT deploy_inside();
SELECT round(p) AS p, deploy_inside(), round(pgml.predict('plan cache', a)) AS direct FROM t WHERE id = 1;
SELECT round(pgml.predict('plan cache', 1::real)) AS before, deploy(2), round(pgml.predict('plan cache', 1::real)) AS after;
SELECT deploy(1);
DO $$ BEGIN RAISE NOTICE '%', deploy_inside(); END $$;
-- What is folded while an outer statement runs is not folded with that statement's version.
CREATE FUNCTION folded_inside() RETURNS text LANGUAGE plpgsql AS $$
DECLARE query float8; wrapped float8;
BEGIN
	PERFORM deploy(2);
	SELECT folded(1), wrapper(1) INTO query, wrapped;
	RETURN round(query) || ' ' || round(wrapped);
END $$;
SELECT round(pgml.predict('plan cache', 1::real)) AS outside, folded_inside();
SELECT folded_inside();
SELECT deploy(1);
-- Each round of a loop is a statement.
DO $$
DECLARE r record;
BEGIN
	FOR r IN SELECT id, p FROM t WHERE id < 3 ORDER BY id LOOP
		PERFORM deploy(3 - r.id);
		RAISE NOTICE 'loop % query %', round(r.p), (SELECT round(p) FROM t WHERE id = r.id);
	END LOOP;
END $$;
-- An error inside leaves nothing behind.
DO $$
BEGIN
	FOR i IN 1 .. 3 LOOP
		BEGIN
			PERFORM p / 0 FROM t;
		EXCEPTION WHEN division_by_zero THEN
			PERFORM deploy(i % 2 + 1);
			RAISE NOTICE '% %', round(pgml.predict('plan cache', 1::real)), (SELECT round(p) FROM t WHERE id = 1);
		END;
	END LOOP;
END $$;
SELECT deploy(1);

-- Indexes hold what is deployed, whatever the statement around their making has pinned.
CREATE FUNCTION make_index() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM deploy(2);
	CREATE INDEX t_p ON t (p);
	RETURN 'made';
END $$;
SELECT round(pgml.predict('plan cache', 1::real)) AS pinned, make_index();
SET enable_seqscan = off;
SET enable_sort = off;
SELECT id, round(p) AS p FROM t WHERE p < 1003 ORDER BY p;
SELECT round(pgml.predict('plan cache', 1::real)) AS pinned, deploy(1), deploy(2), deploy(1);
SELECT id, round(p) AS p FROM t WHERE p < 3 ORDER BY p;
RESET enable_seqscan;
RESET enable_sort;
DROP INDEX t_p;

-- Parallel workers answer with the leader's version.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SET pgml.batch = off;
EXPLAIN (COSTS OFF) SELECT count(*), sum(p - a) FROM t;
SELECT count(*), count(*) FILTER (WHERE round(p - a) = 0) AS "column", count(*) FILTER (WHERE round(pgml.predict('plan cache', a) - a) = 0) AS direct,
	count(*) FILTER (WHERE round(pgml.predict(CASE WHEN a > 0 THEN 'plan cache' END, a) - a) = 0) AS project, count(*) FILTER (WHERE round(wrapper(a) - a) = 0) AS wrapper FROM t;
RESET pgml.batch;
SELECT count(*), count(*) FILTER (WHERE round(p - a) = 0) AS "column", count(*) FILTER (WHERE round(pgml.predict('plan cache', a) - a) = 0) AS direct,
	count(*) FILTER (WHERE round(pgml.predict(CASE WHEN a > 0 THEN 'plan cache' END, a) - a) = 0) AS project, count(*) FILTER (WHERE round(wrapper(a) - a) = 0) AS wrapper FROM t;
SELECT count(pgml.predict('no such project', a)) FROM t;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET parallel_leader_participation;

-- What the plan carries cannot be forged by naming things alike.
SELECT count(*) FROM (VALUES (1)) "pgml pins" ("Rx"), LATERAL now() "pgml pins2" WHERE "Rx" = 1;
SELECT round(pgml.predict('plan cache', b)) AS p FROM (VALUES (1::real)) "pgml pins" (b), t WHERE id = 1 AND t.p > 0
	ORDER BY t.p LIMIT 1;
-- EXPLAIN needs no model; evaluation says what is missing, each time.
EXPLAIN (COSTS OFF) SELECT pgml.predict('no such project', 1);
PREPARE missing AS SELECT pgml.predict('no such project', a) FROM t LIMIT 1;
EXECUTE missing;
EXECUTE missing;
SELECT pgml.predict(NULL::text, 1);

-- A dropped project fails clearly in a kept plan, and a new one of that name answers.
SET plan_cache_mode = force_generic_plan;
EXECUTE kept;
DELETE FROM pgml.projects WHERE name = 'plan cache';
EXECUTE kept;
SET client_min_messages = warning;
SELECT deployed FROM pgml.train('plan cache', 'regression', 'second', 'y');
EXECUTE kept;
DEALLOCATE ALL;
RESET plan_cache_mode;
DELETE FROM pgml.projects WHERE name = 'plan cache';
DROP SCHEMA regress_plan_cache CASCADE;
