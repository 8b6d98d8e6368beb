-- Who may do and see what: owners, members, granted roles, PUBLIC.
CREATE SCHEMA regress_rights;
GRANT USAGE ON SCHEMA regress_rights TO PUBLIC;
CREATE FUNCTION regress_rights.error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ': ' || SQLERRM || CASE WHEN hint <> '' THEN E'\n' || hint ELSE '' END;
END $$;
CREATE ROLE regress_rights_owner;
CREATE ROLE regress_rights_member IN ROLE regress_rights_owner;
CREATE ROLE regress_rights_user;
CREATE ROLE "regress Rights ""odd""";
CREATE ROLE regress_rights_other;
SET search_path = regress_rights, public;
CREATE TABLE source AS SELECT a::real, 2.0 * a + 1 AS y FROM generate_series(1, 40) AS a;
GRANT SELECT ON source TO regress_rights_owner;

-- Anybody may make a project; the relation is read with the trainer's own rights.
SET ROLE regress_rights_other;
SELECT error_of($$SELECT pgml.train('rights other', 'regression', 'source', 'y')$$);
SELECT count(*) FROM pgml.projects WHERE name LIKE 'rights%';
SET ROLE regress_rights_owner;
SELECT deployed FROM pgml.train('rights', 'regression', 'source', 'y');
SELECT name, owner, users FROM pgml.projects WHERE name LIKE 'rights%';

-- A table of what each role may do, before any grant.
CREATE FUNCTION pg_temp.may(OUT projects bigint, OUT models bigint, OUT deployments bigint, OUT files bigint, OUT snapshots bigint,
	OUT overview bigint, OUT trained bigint, OUT deployed bigint, OUT predict text, OUT train text, OUT deploy text, OUT grant_use text, OUT revoke_use text) LANGUAGE plpgsql AS $$
BEGIN
	SELECT count(*) FROM pgml.projects WHERE name = 'rights' INTO projects;
	SELECT count(*) FROM pgml.models m JOIN pgml.snapshots s ON s.id = m.snapshot_id WHERE s.relation_name = 'regress_rights.source' INTO snapshots;
	SELECT count(*) FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'rights' INTO models;
	SELECT count(*) FROM pgml.deployments d JOIN pgml.projects p ON p.id = d.project_id WHERE p.name = 'rights' INTO deployments;
	SELECT count(*) FROM pgml.files f JOIN pgml.models m ON m.id = f.model_id JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'rights' INTO files;
	SELECT count(*) FROM pgml.overview WHERE name = 'rights' INTO overview;
	SELECT count(*) FROM pgml.trained_models WHERE name = 'rights' INTO trained;
	SELECT count(*) FROM pgml.deployed_models WHERE name = 'rights' INTO deployed;
	predict = left(regress_rights.error_of($c$SELECT pgml.predict('rights', 1)$c$), 8);
	train = left(regress_rights.error_of($c$SELECT pgml.train('rights', 'regression', 'regress_rights.source', 'y', automatic_deploy => false, test_size => 0)$c$), 8);
	deploy = left(regress_rights.error_of($c$SELECT pgml.deploy('rights', 'best_score')$c$), 8);
	grant_use = left(regress_rights.error_of($c$SELECT pgml.grant_use('rights', 'regress_rights_owner')$c$), 8);
	revoke_use = left(regress_rights.error_of($c$SELECT pgml.revoke_use('rights', 'regress_rights_owner')$c$), 8);
END $$;
GRANT EXECUTE ON FUNCTION pg_temp.may TO PUBLIC;
RESET ROLE;
SET client_min_messages = warning;
SET ROLE regress_rights_owner;
SELECT 'owner' AS role, m.* FROM pg_temp.may() AS m \gx
SET ROLE regress_rights_member;
SELECT 'member' AS role, m.* FROM pg_temp.may() AS m \gx
SET ROLE regress_rights_user;
SELECT 'user' AS role, m.* FROM pg_temp.may() AS m \gx
RESET ROLE;

-- What a member of the owner's role trains is the owner's.
SELECT DISTINCT s.owner FROM pgml.snapshots s JOIN pgml.models m ON m.snapshot_id = s.id JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'rights';

-- Granting: only by the owner; to a role, to a role with an odd name, to everybody; twice does nothing more.
SET ROLE regress_rights_user;
SELECT error_of($$SELECT pgml.grant_use('rights', 'regress_rights_user')$$);
SET ROLE regress_rights_member;
SELECT pgml.grant_use('rights', 'regress_rights_user');
SELECT pgml.grant_use('rights', 'regress_rights_user');
SELECT pgml.grant_use('rights', 'regress Rights "odd"');
SELECT users FROM pgml.projects WHERE name = 'rights';
SET ROLE regress_rights_user;
SELECT 'user' AS role, m.* FROM pg_temp.may() AS m \gx
SET ROLE "regress Rights ""odd""";
SELECT error_of($$SELECT pgml.predict('rights', 1)$$);
SET ROLE regress_rights_other;
SELECT error_of($$SELECT pgml.predict('rights', 1)$$);
SET ROLE regress_rights_owner;
SELECT pgml.revoke_use('rights', 'regress_rights_user');
SELECT pgml.revoke_use('rights', 'regress_rights_user');
SELECT pgml.grant_use('rights', 'public');
SELECT users FROM pgml.projects WHERE name = 'rights';
SET ROLE regress_rights_other;
SELECT error_of($$SELECT pgml.predict('rights', 1)$$);
SELECT count(*) FROM pgml.projects WHERE name = 'rights';
SELECT count(*) FROM pgml.files;
SET ROLE regress_rights_owner;
SELECT pgml.revoke_use('rights', 'public');
SET ROLE regress_rights_other;
SELECT error_of($$SELECT pgml.predict('rights', 1)$$);
RESET ROLE;

-- Refusals of the grant functions.
SELECT error_of($$SELECT pgml.grant_use('no such project', 'public')$$);
SELECT error_of($$SELECT pgml.grant_use('rights', 'no such role')$$);
SELECT error_of($$SELECT pgml.grant_use('rights', '')$$);
SELECT pgml.grant_use(NULL, 'public') IS NULL AS strict;

-- A role that is dropped: its grant goes dark, its project stays with the superuser.
DROP ROLE "regress Rights ""odd""";
SELECT cardinality(users) FROM pgml.projects WHERE name = 'rights';
SELECT pgml.grant_use('rights', 'regress_rights_user');
SET ROLE regress_rights_user;
SELECT error_of($$SELECT pgml.predict('rights', 1)$$);
RESET ROLE;

-- The catalog is written by nobody directly, not even by owners.
SET ROLE regress_rights_owner;
SELECT error_of($$UPDATE pgml.projects SET users = '{0}'$$);
SELECT error_of($$INSERT INTO pgml.deployments (project_id, model_id, strategy) SELECT project_id, id, 'specific' FROM pgml.models$$);
SELECT error_of($$DELETE FROM pgml.models$$);
SELECT error_of($$TRUNCATE pgml.files$$);
SELECT error_of($$LOCK TABLE pgml.deployments IN ACCESS EXCLUSIVE MODE$$);
SELECT error_of($$SELECT nextval('pgml.models_id_seq')$$);
RESET ROLE;

-- Row level security of the source holds while training, and its policies run as the trainer.
CREATE TABLE secrets (a real, y real, visible_to name);
INSERT INTO secrets SELECT i, i, 'regress_rights_owner' FROM generate_series(1, 30) AS i;
INSERT INTO secrets SELECT i, -1000 * i, 'regress_rights_other' FROM generate_series(1, 30) AS i;
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secrets USING (visible_to = current_user);
GRANT SELECT ON secrets TO PUBLIC;
SET ROLE regress_rights_owner;
RESET client_min_messages;
SELECT deployed FROM pgml.train('rights rls', 'regression', 'secrets', 'y');
SET client_min_messages = warning;
SELECT round(pgml.predict('rights rls', 10, 'regress_rights_owner'));
SET ROLE regress_rights_user;
SELECT error_of($$SELECT pgml.train('rights user', 'regression', 'secrets', 'y')$$);
RESET ROLE;
-- A column without SELECT is an error, not a feature left out.
CREATE TABLE columns AS SELECT * FROM source;
GRANT SELECT (a) ON columns TO regress_rights_user;
SET ROLE regress_rights_user;
SELECT error_of($$SELECT pgml.train('rights user', 'regression', 'columns', 'y')$$);
RESET ROLE;

-- What runs inside training runs as the trainer: a view's function cannot borrow the catalog owner's rights.
CREATE FUNCTION spy(real) RETURNS real LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'regress_rights_user' THEN RAISE 'runs as %', current_user; END IF;
	RETURN $1;
END $$;
GRANT CREATE ON SCHEMA regress_rights TO regress_rights_user;
GRANT SELECT ON source TO regress_rights_user;
SET ROLE regress_rights_user;
CREATE VIEW spied AS SELECT regress_rights.spy(a) AS a, y FROM regress_rights.source;
SELECT deployed FROM pgml.train('rights spy', 'regression', 'spied', 'y');
-- Deploying rebuilds indexes of tables that the deployer does not own, as their owners.
RESET ROLE;
CREATE TABLE of_superuser AS SELECT a FROM source;
CREATE INDEX of_superuser_predict ON of_superuser (pgml.predict('rights spy', a));
ANALYZE of_superuser;
SET ROLE regress_rights_user;
RESET client_min_messages;
SELECT deployed FROM pgml.train('rights spy', 'regression', 'spied', 'y', 'ridge', automatic_deploy => false);
SELECT pgml.deploy('rights spy', 'most_recent');
RESET ROLE;
-- An index of somebody who lost the right to use the project stops the deployment, and says which index it was.
ALTER TABLE of_superuser OWNER TO regress_rights_other;
SET ROLE regress_rights_user;
SELECT pgml.deploy('rights spy', 'rollback');
SELECT algorithm FROM pgml.deployed_models WHERE name = 'rights spy';
SELECT pgml.grant_use('rights spy', 'regress_rights_other');
SELECT pgml.deploy('rights spy', 'rollback');
RESET ROLE;

SET client_min_messages = warning;
DROP FUNCTION pg_temp.may;
DROP SCHEMA regress_rights CASCADE;
DELETE FROM pgml.projects WHERE name LIKE 'rights%';
DROP ROLE regress_rights_owner, regress_rights_member, regress_rights_user, regress_rights_other;
