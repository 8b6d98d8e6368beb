-- The predict family: (project text | model_id bigint) x (real | deferred). The deferred twin of a function is what a
-- prediction column's generation expression holds: it returns NULL, and reading the column puts the real call in its place.
CREATE FUNCTION pgml.predict_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_predict_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION pgml.predict(project text, VARIADIC features "any") RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_predict' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.predict(model_id bigint, VARIADIC features "any") RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_predict' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.classify(project text, VARIADIC features "any") RETURNS text
	AS 'MODULE_PATHNAME', 'pgml_classify' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.classify(model_id bigint, VARIADIC features "any") RETURNS text
	AS 'MODULE_PATHNAME', 'pgml_classify' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.predict_proba(project text, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_predict_proba' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.predict_proba(model_id bigint, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_predict_proba' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.class_probability(project text, label text, VARIADIC features "any") RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_class_probability' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.class_probability(model_id bigint, label text, VARIADIC features "any") RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_class_probability' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.predict_joint(project text, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_predict_joint' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.predict_joint(model_id bigint, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_predict_joint' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.decompose(project text, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_decompose' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.decompose(model_id bigint, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_decompose' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.embed(project text, VARIADIC features "any") RETURNS vector
	AS 'MODULE_PATHNAME', 'pgml_embed' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;
CREATE FUNCTION pgml.embed(model_id bigint, VARIADIC features "any") RETURNS vector
	AS 'MODULE_PATHNAME', 'pgml_embed' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200 SUPPORT pgml.predict_support;

CREATE FUNCTION pgml.predict_deferred(project text, VARIADIC features "any") RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.predict_deferred(model_id bigint, VARIADIC features "any") RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.classify_deferred(project text, VARIADIC features "any") RETURNS text
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.classify_deferred(model_id bigint, VARIADIC features "any") RETURNS text
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.predict_proba_deferred(project text, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.predict_proba_deferred(model_id bigint, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.class_probability_deferred(project text, label text, VARIADIC features "any") RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.class_probability_deferred(model_id bigint, label text, VARIADIC features "any") RETURNS double precision
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.predict_joint_deferred(project text, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.predict_joint_deferred(model_id bigint, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.decompose_deferred(project text, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.decompose_deferred(model_id bigint, VARIADIC features "any") RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.embed_deferred(project text, VARIADIC features "any") RETURNS vector
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.embed_deferred(model_id bigint, VARIADIC features "any") RETURNS vector
	AS 'MODULE_PATHNAME', 'pgml_deferred' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1;

-- Keeps a call with constant arguments from being folded into a cached plan; the planner hook puts it in and takes it out.
CREATE FUNCTION pgml.pin(text) RETURNS text
	AS 'MODULE_PATHNAME', 'pgml_pin' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1;
CREATE FUNCTION pgml.pin(bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pgml_pin' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1;
