-- Element-wise aggregates of vectors, see 50_arrays.sql. The state lives in the server's memory; absolute values are in it already
-- when two are combined.
CREATE FUNCTION pgml.array_sum_step(internal, real[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_sum_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_sum_step(internal, double precision[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_sum_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_sum_step(internal, smallint[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_sum_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_sum_step(internal, integer[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_sum_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_sum_step(internal, bigint[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_sum_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_sum_step(internal, numeric[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_sum_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_step(internal, real[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_step(internal, double precision[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_step(internal, smallint[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_step(internal, integer[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_step(internal, bigint[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_step(internal, numeric[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_step(internal, real[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_step(internal, double precision[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_step(internal, smallint[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_step(internal, integer[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_step(internal, bigint[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_step(internal, numeric[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_abs_step(internal, real[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_abs_step(internal, double precision[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_abs_step(internal, smallint[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_abs_step(internal, integer[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_abs_step(internal, bigint[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_abs_step(internal, numeric[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_abs_step(internal, real[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_abs_step(internal, double precision[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_abs_step(internal, smallint[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_abs_step(internal, integer[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_abs_step(internal, bigint[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_abs_step(internal, numeric[]) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_abs_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_sum_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_sum_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_min_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_min_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_max_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_max_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_fold_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pgml_array_fold_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.array_fold_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pgml_array_fold_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION pgml.array_fold_real(internal) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pgml_array_fold_real' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION pgml.array_fold_double(internal) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pgml_array_fold_double' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE pgml.sum(vector real[]) (
	SFUNC = pgml.array_sum_step, STYPE = internal, FINALFUNC = pgml.array_fold_real, COMBINEFUNC = pgml.array_sum_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.sum(vector double precision[]) (
	SFUNC = pgml.array_sum_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_sum_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.sum(vector smallint[]) (
	SFUNC = pgml.array_sum_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_sum_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.sum(vector integer[]) (
	SFUNC = pgml.array_sum_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_sum_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.sum(vector bigint[]) (
	SFUNC = pgml.array_sum_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_sum_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.sum(vector numeric[]) (
	SFUNC = pgml.array_sum_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_sum_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min(vector real[]) (
	SFUNC = pgml.array_min_step, STYPE = internal, FINALFUNC = pgml.array_fold_real, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min(vector double precision[]) (
	SFUNC = pgml.array_min_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min(vector smallint[]) (
	SFUNC = pgml.array_min_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min(vector integer[]) (
	SFUNC = pgml.array_min_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min(vector bigint[]) (
	SFUNC = pgml.array_min_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min(vector numeric[]) (
	SFUNC = pgml.array_min_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max(vector real[]) (
	SFUNC = pgml.array_max_step, STYPE = internal, FINALFUNC = pgml.array_fold_real, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max(vector double precision[]) (
	SFUNC = pgml.array_max_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max(vector smallint[]) (
	SFUNC = pgml.array_max_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max(vector integer[]) (
	SFUNC = pgml.array_max_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max(vector bigint[]) (
	SFUNC = pgml.array_max_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max(vector numeric[]) (
	SFUNC = pgml.array_max_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min_abs(vector real[]) (
	SFUNC = pgml.array_min_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_real, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min_abs(vector double precision[]) (
	SFUNC = pgml.array_min_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min_abs(vector smallint[]) (
	SFUNC = pgml.array_min_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min_abs(vector integer[]) (
	SFUNC = pgml.array_min_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min_abs(vector bigint[]) (
	SFUNC = pgml.array_min_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.min_abs(vector numeric[]) (
	SFUNC = pgml.array_min_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_min_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max_abs(vector real[]) (
	SFUNC = pgml.array_max_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_real, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max_abs(vector double precision[]) (
	SFUNC = pgml.array_max_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max_abs(vector smallint[]) (
	SFUNC = pgml.array_max_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max_abs(vector integer[]) (
	SFUNC = pgml.array_max_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max_abs(vector bigint[]) (
	SFUNC = pgml.array_max_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
CREATE AGGREGATE pgml.max_abs(vector numeric[]) (
	SFUNC = pgml.array_max_abs_step, STYPE = internal, FINALFUNC = pgml.array_fold_double, COMBINEFUNC = pgml.array_max_combine,
	SERIALFUNC = pgml.array_fold_serialize, DESERIALFUNC = pgml.array_fold_deserialize, PARALLEL = SAFE);
