#pragma once
/**
 * A model as one run of bytes that predicts where it lies: what processes share in memory, so that a large model is
 * there once.
 *
 * An image holds the head of the artefact (features, labels, preprocessing) and the compiled trees. Opening it
 * decodes the head and looks at sizes; the trees are neither copied nor checked. So an image belongs to the
 * build that made it and must come from memory that only this library writes; it is never stored. The opened
 * model predicts, and nothing else: what asks for single trees (importances, encoding) needs the artefact.
 */
#include <cstddef>
#include <memory>
#include <span>

#include "pgml/model.h"

namespace pgml {

/// Images start at multiples of this.
constexpr size_t kImageAlignment = 64;

class ModelImage {
public:
	virtual ~ModelImage();

	/**
	 * Compiles a model.
	 * @param model  decoded from an artefact; must live as long as the image
	 * @return nullptr for a learner that has no such form: all but tree ensembles
	 * @throws std::bad_alloc; Error(kLimitExceeded)
	 */
	static std::unique_ptr<const ModelImage> Make(const Model &model);
	virtual size_t size() const = 0;
	/// @param to  size() bytes, aligned to kImageAlignment
	virtual void CopyTo(std::byte *to) const = 0;

	/**
	 * The model of an image, which must stay where it is as long as the model lives.
	 * @throws Error(kCorruptModel) when these are no bytes of an image
	 */
	static std::unique_ptr<const Model> Open(std::span<const std::byte> image);
};

} // namespace pgml
