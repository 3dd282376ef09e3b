#include "aero/train/open_corpus.h"

#include "aero/core/error.h"

namespace aero::train {
namespace {

data::TokenFormat token_format(DataFormat format) {
  switch (format) {
    case DataFormat::automatic:
      return data::TokenFormat::automatic;
    case DataFormat::aero:
      return data::TokenFormat::aero;
    case DataFormat::nanogpt:
      return data::TokenFormat::nanogpt;
    case DataFormat::llmc:
      return data::TokenFormat::llmc;
  }
  throw std::logic_error("unknown data format");
}

}  // namespace

data::Corpus open_corpus(const RunConfig& config, const std::string& split) {
  if (config.data.path.empty()) {
    throw UsageError(
        "data.path: \"\": names no corpus; set it to a folder made by scripts/prepare_corpus.py "
        "(--set data.path=FOLDER)");
  }
  return data::Corpus::open_split(config.data.path, split, config.model.context,
                                  config.model.vocab_size, token_format(config.data.format),
                                  config.data.verify);
}

void require_own_tokenizer(const RunConfig& config, const data::Corpus& corpus) {
  if (config.train.other_tokenizer || !corpus.tokenizer()) return;
  tokenizer::require_same(corpus.tokenizer_identity(),
                          tokenizer::identity_of(corpus.tokenizer()->path),
                          "train.other_tokenizer=true");
}

}  // namespace aero::train
