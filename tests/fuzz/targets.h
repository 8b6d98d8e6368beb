#pragma once
/**
 * What the fuzzers call, one function per parser of bytes that a user sends. Each takes any bytes, returns 0, and ends
 * the process when something is wrong: an exception that is no pgml::Error, an internal error, a model that
 * does not survive being stored, a prediction that a sanitizer objects to.
 *
 * Compiled twice: under libFuzzer and sanitizers by tests/fuzz, and into the unit tests, which replay regressions/.
 */
#include <cstddef>
#include <cstdint>

namespace pgml::fuzz {

int FuzzArtefact(const uint8_t *data, size_t size);
int FuzzXgboostJson(const uint8_t *data, size_t size);
int FuzzXgboostUbjson(const uint8_t *data, size_t size);
int FuzzLightgbm(const uint8_t *data, size_t size);
int FuzzSettings(const uint8_t *data, size_t size);
int FuzzAnnFactory(const uint8_t *data, size_t size);
int FuzzAnnQuantizer(const uint8_t *data, size_t size);
int FuzzVectorText(const uint8_t *data, size_t size);

struct Target {
	const char *name;
	int (*run)(const uint8_t *data, size_t size);
};

constexpr Target kTargets[] = {{"artefact", FuzzArtefact},
							   {"xgboost_json", FuzzXgboostJson},
							   {"xgboost_ubjson", FuzzXgboostUbjson},
							   {"lightgbm", FuzzLightgbm},
							   {"settings", FuzzSettings},
							   {"ann_factory", FuzzAnnFactory},
							   {"ann_quantizer", FuzzAnnQuantizer},
							   {"vector_text", FuzzVectorText}};

} // namespace pgml::fuzz
