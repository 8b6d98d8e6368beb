-- The demonstration: docs/demo/run runs it with psql. Statements worth reading are echoed, the rest is not.
\set QUIET on
\pset footer off
\pset linestyle unicode
\pset border 1
\pset null '(null)'
CREATE EXTENSION pgml_am;

\echo :bold
\echo '1. Data. 442 patients: ten measurements, and how far their diabetes progressed within a year.':plain
\set ECHO queries
SELECT * FROM pgml.load_dataset('diabetes');
\set ECHO none

\echo :bold
\echo '2. Training is a query. Two algorithms, one project; the better one is deployed.':plain
\set ECHO queries
SELECT * FROM pgml.train('progression', 'regression', 'pgml.diabetes', 'target');
SELECT * FROM pgml.train('progression', algorithm => 'xgboost',
       hyperparams => '{"n_estimators": 50, "max_depth": 3, "eta": 0.1}');
\set ECHO none

\echo :bold
\echo '   Their metrics on the quarter of the rows that training did not see.':plain
\set ECHO queries
SELECT id, algorithm, deployed,
       round((metrics->>'r2')::numeric, 3) AS r2,
       round((metrics->>'mean_absolute_error')::numeric, 1) AS mean_error
FROM pgml.trained_models JOIN pgml.models USING (id, algorithm) ORDER BY id;
\set ECHO none

\echo :bold
\echo '3. A prediction is a column. Nothing is stored: every read gives what the deployed model says.':plain
\set ECHO queries
CREATE TABLE patients (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  age real, sex real, bmi real, bp real, s1 real, s2 real, s3 real, s4 real, s5 real, s6 real,
  progression double precision GENERATED ALWAYS AS
    (pgml.predict('progression', age, sex, bmi, bp, s1, s2, s3, s4, s5, s6)) STORED
) USING pgml;
INSERT INTO patients (age, sex, bmi, bp, s1, s2, s3, s4, s5, s6)
  SELECT age, sex, bmi, bp, s1, s2, s3, s4, s5, s6 FROM pgml.diabetes;
\set ECHO none

\echo :bold
\echo '   It reads like any column: filter, order, join, aggregate.':plain
\set ECHO queries
SELECT id, age, bmi, round(progression::numeric, 1) AS progression
FROM patients WHERE progression > 200 ORDER BY progression DESC LIMIT 5;
UPDATE patients SET bmi = bmi - 5 WHERE id = 322
  RETURNING id, bmi, round(progression::numeric, 1) AS progression_if_slimmer;
\set ECHO none

\echo :bold
\echo '4. The plan. PgmlPredict takes the rows in batches, whatever the query around it looks like.':plain
\set ECHO queries
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
SELECT count(*), avg(age) FROM patients WHERE progression > 200;
\set ECHO none

\echo :bold
\echo '5. An index on a prediction answers filters and ORDER BY without predicting the whole table.':plain
-- A larger table, so that the planner has a reason to use it.
INSERT INTO patients (age, sex, bmi, bp, s1, s2, s3, s4, s5, s6)
  SELECT age, sex, bmi * (1 - 0.006 * n), bp, s1, s2, s3, s4, s5, s6 FROM pgml.diabetes, generate_series(1, 50) n;
\set ECHO queries
CREATE INDEX patients_progression ON patients (progression);
\set ECHO none
ANALYZE patients;
\set ECHO queries
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
SELECT id FROM patients ORDER BY progression DESC LIMIT 3;
\set ECHO none

\echo :bold
\echo '6. Deploying another version changes the answers of every query and rebuilds the index, in one transaction.':plain
SELECT id AS other FROM pgml.trained_models WHERE name = 'progression' AND NOT deployed ORDER BY id LIMIT 1 \gset
\set ECHO queries
SELECT id, round(progression::numeric, 1) AS progression FROM patients ORDER BY patients.progression DESC LIMIT 3;
SELECT * FROM pgml.deploy(:other);
SELECT id, round(progression::numeric, 1) AS progression FROM patients ORDER BY patients.progression DESC LIMIT 3;
\set ECHO none

\echo :bold
\echo '7. Classes with names. A text label is learned and answered as text.':plain
SELECT * FROM pgml.load_dataset('iris') \g /dev/null
CREATE TABLE labelled AS SELECT sepal_length, sepal_width, petal_length, petal_width,
	(ARRAY['setosa', 'versicolor', 'virginica'])[target + 1] AS species FROM pgml.iris;
\set ECHO queries
SELECT * FROM pgml.train('species', 'classification', 'labelled', 'species', algorithm => 'xgboost');
CREATE TABLE flowers (
  sepal_length real, sepal_width real, petal_length real, petal_width real,
  species text GENERATED ALWAYS AS
    (pgml.classify('species', sepal_length, sepal_width, petal_length, petal_width)) STORED,
  virginica double precision GENERATED ALWAYS AS
    (pgml.class_probability('species', 'virginica', sepal_length, sepal_width, petal_length, petal_width)) STORED
) USING pgml;
INSERT INTO flowers VALUES (5.1, 3.5, 1.4, 0.2), (6.0, 2.7, 4.5, 1.5), (6.9, 3.1, 5.4, 2.1), (NULL, 3.0, 4.9, 1.7);
SELECT sepal_length, petal_length, species, round(virginica::numeric, 3) AS virginica FROM flowers;
\set ECHO none

\echo :bold
\echo '8. Rights. Who may read the table reads its predictions; the model itself stays with its owner.':plain
CREATE ROLE demo_reader;
\set ECHO queries
GRANT SELECT ON flowers TO demo_reader;
SET ROLE demo_reader;
SELECT species, count(*) FROM flowers GROUP BY species ORDER BY species;
\set ON_ERROR_STOP off
SELECT pgml.classify('species', 5.1, 3.5, 1.4, 0.2);
\set ON_ERROR_STOP on
RESET ROLE;
\o /dev/null
SELECT pgml.grant_use('species', 'demo_reader');
\o
SET ROLE demo_reader;
SELECT pgml.classify('species', 5.1, 3.5, 1.4, 0.2);
\set ECHO none
RESET ROLE;
