// Images: a header, the head as a container of its own (magic, version, checksum), the block of the trees.
#include "pgml/model_image.h"

#include <cstring>

#include "engine/block_learner.h"
#include "artefact/model_impl.h"
#include "pgml/error.h"
#include "trees/trees.h"

#include "base/no_postgres.h"

namespace pgml {

namespace {

constexpr uint64_t kImageMagic = 0x6567616d694c4d50; // "PMLimage"

struct ImageHeader {
	uint64_t magic;
	uint64_t size; ///< of the whole image
	uint64_t head, head_size;
	uint64_t block, block_size; ///< the block starts at a multiple of kImageAlignment
	double row_cost;
	float vote_scale; ///< 0 unless the link is kVotes
	uint32_t padding;
};

static_assert(kImageAlignment % engine::kAlignment == 0);

class ImageOfTrees final : public ModelImage {
public:
	explicit ImageOfTrees(const ModelImpl &model) : model_(model) {
		Writer writer;
		EncodeHead(model.parts(), writer);
		head_ = writer.Finish();
		header_.magic = kImageMagic;
		header_.head = sizeof(ImageHeader);
		header_.head_size = head_.size();
		header_.block = engine::RoundUp(header_.head + header_.head_size, kImageAlignment);
		header_.block_size = model.Compiled().size();
		header_.size = header_.block + header_.block_size;
		header_.row_cost = model.parts().learner->RowCost();
		if (model.parts().link == Link::kVotes)
			header_.vote_scale = model.VoteScale();
	}
	size_t
	size() const override {
		return header_.size;
	}
	void
	CopyTo(std::byte *to) const override {
		std::memset(to, 0, header_.block);
		std::memcpy(to, &header_, sizeof(header_));
		std::memcpy(to + header_.head, head_.data(), head_.size());
		std::memcpy(to + header_.block, model_.Compiled().header(), header_.block_size);
	}

private:
	const ModelImpl &model_;
	std::vector<std::byte> head_;
	ImageHeader header_ = {};
};

[[noreturn]] void
RefuseImage() {
	throw Error(ErrorCode::kCorruptModel, "shared model data is damaged");
}

} // namespace

ModelImage::~ModelImage() = default;

std::unique_ptr<const ModelImage>
ModelImage::Make(const Model &model) {
	const auto &impl = dynamic_cast<const ModelImpl &>(model);
	if (impl.parts().learner->kind() != LearnerKind::kTrees)
		return nullptr;
	return std::make_unique<ImageOfTrees>(impl);
}

std::unique_ptr<const Model>
ModelImage::Open(std::span<const std::byte> image) {
	ImageHeader header;
	if (image.size() < sizeof(header) ||
		reinterpret_cast<uintptr_t>(image.data()) % kImageAlignment != 0)
		RefuseImage();
	std::memcpy(&header, image.data(), sizeof(header));
	if (header.magic != kImageMagic || header.size > image.size() || header.head > header.size ||
		header.head_size > header.size - header.head || header.block % kImageAlignment != 0 ||
		header.block > header.size || header.block_size != header.size - header.block ||
		header.block_size < sizeof(engine::BlockHeader))
		RefuseImage();
	const auto *block = reinterpret_cast<const engine::BlockHeader *>(image.data() + header.block);
	if (block->magic != engine::kBlockMagic || block->version != engine::kBlockVersion ||
		block->size != header.block_size)
		RefuseImage();
	Reader reader = OpenContainer(image.subspan(header.head, header.head_size));
	ModelParts parts = DecodeHead(reader);
	reader.Check(reader.left() == 0, "there are bytes after the head");
	parts.learner =
		std::make_unique<engine::BlockLearner>(block, header.row_cost, header.vote_scale);
	if (parts.learner->n_columns() != parts.preprocessor.width())
		RefuseImage();
	return std::make_unique<ModelImpl>(std::move(parts));
}

} // namespace pgml
