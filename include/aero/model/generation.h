#pragma once

#include "aero/model/decoder.h"
#include "aero/model/sampler.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace aero::model {

struct GenerationOptions {
  SamplingOptions sampling{};
  std::int64_t max_tokens = 256;
  std::optional<std::int64_t> stop_token{};
  bool use_cache = true;  ///< false: a full forward pass for every token, with the same logits
};

using TokenIds = std::vector<std::int64_t>;

/// Continues `prompt` (at least one token) and returns the new tokens without the stop token.
/// Beyond the context, the model sees the last T tokens. Calls `on_token` with each token; false
/// ends the text. Computes as autocast says where it is on.
TokenIds generate(Decoder& decoder, TokenIds prompt, const GenerationOptions& options,
                  const std::function<bool(std::int64_t)>& on_token = {});

/// Is told what comes of text i.
struct TextEvents {
  /// Takes each new token; false ends the text.
  std::function<bool(std::size_t text, std::int64_t token)> on_token{};
  /// Is called once for each text, when it has its last token.
  std::function<void(std::size_t text)> on_end{};
};

/// Continues several prompts in one batch, and returns the new tokens of each. Text i draws with the
/// seed options.sampling.seed + i, and gets the tokens that generate() gives it with that seed:
/// its logits are the same up to rounding.
std::vector<TokenIds> generate_together(Decoder& decoder, const std::vector<TokenIds>& prompts,
                                        const GenerationOptions& options,
                                        const TextEvents& events = {});

}  // namespace aero::model
