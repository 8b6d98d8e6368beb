#pragma once
/// What training and importing a model share: the project's row and the bytes of a model.
#include "am/base/pg.h"
#include "am/sqlfuncs/rights.h"

namespace pgml::am {

/**
 * The project's row, made when it is not there, locked. The caller is connected to SPI.
 * @param task  a label of pgml.task
 * @throws (ereport) 42501 not the owner, 22023 another task, 40001 dropped meanwhile
 */
ProjectRow ClaimProject(const char *name, const char *task);

/// Stores the artefact of a model in pgml.files. The caller is connected to SPI.
void InsertModelFiles(int64 model_id, const void *bytes, size_t size);

} // namespace pgml::am
