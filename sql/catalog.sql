-- The catalog's shape: what dump and restore, row level security and the caches lean on.
SELECT config::regclass FROM pg_extension, unnest(extconfig) AS config WHERE extname = 'pgml_am' ORDER BY config::regclass::text;
SELECT relname, relkind, relrowsecurity, reloptions, relacl::text LIKE '%=r/%' AS public_reads,
	relacl::text ~ '[{,]=[^/]*[awdDxt]' AS public_writes
FROM pg_class WHERE relnamespace = 'pgml'::regnamespace AND relkind IN ('r', 'v')
	AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
ORDER BY relkind, relname;
SELECT table_name, string_agg(column_name, ', ' ORDER BY ordinal_position) AS columns
FROM information_schema.columns
WHERE table_schema = 'pgml' AND table_name IN ('projects', 'snapshots', 'models', 'deployments', 'files', 'overview', 'trained_models', 'deployed_models')
GROUP BY table_name ORDER BY table_name;
SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger
WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'pgml'::regnamespace) AND NOT tgisinternal ORDER BY tgrelid::regclass::text, tgname;
SELECT polrelid::regclass, polname, polcmd FROM pg_policy
WHERE polrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'pgml'::regnamespace) ORDER BY polrelid::regclass::text;
-- No function runs with another's rights.
SELECT count(*) FROM pg_proc WHERE pronamespace = 'pgml'::regnamespace AND prosecdef;
-- What is not safe for parallel plans says so.
SELECT proname, provolatile, proparallel FROM pg_proc
WHERE pronamespace = 'pgml'::regnamespace AND proname IN ('train', 'deploy', 'grant_use', 'revoke_use', 'load_dataset')
ORDER BY proname, pronargs;

-- The trigger functions are for triggers.
SELECT pgml.catalog_changed();
SELECT pgml.set_updated_at();
CREATE TABLE no_such_column (a int);
CREATE TRIGGER t BEFORE UPDATE ON no_such_column FOR EACH ROW EXECUTE FUNCTION pgml.set_updated_at();
INSERT INTO no_such_column VALUES (1);
UPDATE no_such_column SET a = 2;
DROP TRIGGER t ON no_such_column;
CREATE TRIGGER t AFTER UPDATE ON no_such_column FOR EACH ROW EXECUTE FUNCTION pgml.set_updated_at();
UPDATE no_such_column SET a = 2;
DROP TABLE no_such_column;

-- updated_at follows updates; owners with names that need quotes are taken as they are.
BEGIN;
CREATE ROLE "regress Odd ""Owner";
GRANT INSERT ON pgml.projects TO "regress Odd ""Owner";
GRANT USAGE ON SEQUENCE pgml.projects_id_seq TO "regress Odd ""Owner";
CREATE POLICY everything ON pgml.projects FOR INSERT WITH CHECK (true);
SET ROLE "regress Odd ""Owner";
INSERT INTO pgml.projects (name, task) VALUES ('catalog test', 'regression');
SELECT name, owner FROM pgml.projects WHERE name = 'catalog test';
RESET ROLE;
UPDATE pgml.projects SET updated_at = 'epoch' WHERE name = 'catalog test';
SELECT updated_at > now() - interval '1 hour' AS touched, updated_at > created_at AS later FROM pgml.projects WHERE name = 'catalog test';
ROLLBACK;

-- A role that is gone leaves rows behind that everything can still show.
CREATE ROLE regress_catalog_gone;
INSERT INTO pgml.projects (name, task, owner, users)
	VALUES ('catalog orphan', 'regression', 'regress_catalog_gone', ARRAY['regress_catalog_gone']::regrole[]);
DROP ROLE regress_catalog_gone;
SELECT name, owner::text ~ '^\d+$' AS owner_is_a_number, cardinality(users) FROM pgml.projects WHERE name = 'catalog orphan';
CREATE ROLE regress_catalog_reader;
SET ROLE regress_catalog_reader;
SELECT count(*) FROM pgml.projects WHERE name = 'catalog orphan';
SELECT count(*) FROM pgml.overview WHERE name = 'catalog orphan';
SELECT pgml.predict('catalog orphan', 1.0);
SELECT * FROM pgml.train('catalog orphan', 'regression', 'pg_class', 'relpages');
RESET ROLE;
SELECT pgml.predict('catalog orphan', 1.0);
DELETE FROM pgml.projects WHERE name = 'catalog orphan';
DROP ROLE regress_catalog_reader;
