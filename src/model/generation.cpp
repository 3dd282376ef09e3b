#include "aero/model/generation.h"

#include "aero/core/error.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

namespace aero::model {
namespace {

/// A text that is being continued.
struct Text {
  std::size_t index;  ///< among the prompts
  TokenIds tokens;
  Sampler sampler;

  std::int64_t length() const { return static_cast<std::int64_t>(tokens.size()); }
};

using Texts = std::span<const Text>;

/// Computes the states after the tokens of several texts. The texts are in the order of their
/// lengths, the longest first. This order stays, because each grows by one token at a time: those
/// beyond the context come first, and the others have rows of the cache.
class NextStates {
 public:
  NextStates(Decoder& decoder, const GenerationOptions& options)
      : decoder_(decoder), options_(options), context_(decoder->config().context) {}

  /// Returns the states [n, d] of the last positions of n texts. From one call to the next, each
  /// text has grown by a token, or has ended and is no longer there.
  torch::Tensor operator()(Texts texts) {
    const auto first = std::ranges::find_if(
        texts, [&](const Text& text) { return options_.use_cache && text.length() <= context_; });
    const auto beyond = static_cast<std::size_t>(first - texts.begin());
    std::vector<torch::Tensor> states;
    // When the window slides, every position changes, so no cached key is right.
    if (beyond > 0) states.push_back(states_of_windows(texts.first(beyond)));
    if (beyond < texts.size()) states.push_back(cached_states(texts.subspan(beyond)));
    return torch::cat(states);
  }

 private:
  torch::Tensor states_of_windows(Texts texts) {
    return last_states(texts, [&](const auto& tokens) { return decoder_->hidden(tokens); });
  }

  torch::Tensor cached_states(Texts texts) {
    if (rows_.empty()) return read_prompts(texts);
    leave_out_others(texts);
    std::vector<std::int64_t> last;
    for (const auto& text : texts) last.push_back(text.tokens.back());
    const auto tokens = torch::tensor(last, torch::kInt64).unsqueeze(1).to(decoder_->device());
    return decoder_->hidden_cached(tokens, cache_).squeeze(1);
  }

  /// Reads the prompts in groups of similar length, in which padding at most doubles the work.
  torch::Tensor read_prompts(Texts texts) {
    const auto longest = texts.front().length();
    const auto count = static_cast<std::int64_t>(texts.size());
    const auto room = std::min(context_ - longest, options_.max_tokens) + longest;
    cache_ = decoder_->make_cache(count, room);
    std::vector<torch::Tensor> states;
    std::vector<std::int64_t> lengths;
    for (std::size_t first = 0; first < texts.size();) {
      const auto rest = texts.subspan(first);
      const auto end = std::ranges::find_if(
          rest, [&](const Text& text) { return 2 * text.length() < rest.front().length(); });
      const auto group = rest.first(static_cast<std::size_t>(end - rest.begin()));
      auto rows = cache_.rows(static_cast<std::int64_t>(first), std::ssize(group));
      states.push_back(last_states(
          group, [&](const auto& tokens) { return decoder_->hidden_cached(tokens, rows); }));
      first += group.size();
    }
    for (const auto& text : texts) {
      rows_.push_back(text.index);
      lengths.push_back(text.length());
    }
    cache_.set_lengths(lengths);
    return torch::cat(states);
  }

  /// Removes the rows of texts that have ended or are beyond the context.
  void leave_out_others(Texts texts) {
    if (texts.size() == rows_.size()) return;
    std::vector<std::int64_t> kept;
    for (std::size_t row = 0; row < rows_.size() && kept.size() < texts.size(); ++row) {
      if (rows_[row] == texts[kept.size()].index) kept.push_back(static_cast<std::int64_t>(row));
    }
    cache_.keep(kept);
    rows_.clear();
    for (const auto& text : texts) rows_.push_back(text.index);
  }

  /// Calls `hidden` with the last tokens of texts, [n, T]. Shorter ones are padded at their end,
  /// where no position of theirs sees it. Returns the states of their last positions.
  template <class Hidden>
  torch::Tensor last_states(Texts texts, const Hidden& hidden) const {
    const auto width = std::min(texts.front().length(), context_);
    const auto count = static_cast<std::int64_t>(texts.size());
    auto tokens = torch::zeros({count, width}, torch::kInt64);
    auto last = torch::empty({count}, torch::kInt64);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto& text = texts[static_cast<std::size_t>(i)];
      const auto seen = std::min(text.length(), width);
      std::copy(text.tokens.end() - seen, text.tokens.end(),
                tokens.data_ptr<std::int64_t>() + i * width);
      last.data_ptr<std::int64_t>()[i] = i * width + seen - 1;
    }
    const auto device = decoder_->device();
    return hidden(tokens.to(device)).flatten(0, 1).index_select(0, last.to(device));
  }

  Decoder& decoder_;
  const GenerationOptions& options_;
  std::int64_t context_;
  KvCache cache_;
  std::vector<std::size_t> rows_;  // the index of the text of each row of the cache
};

/// Makes the texts of the prompts, the longest first.
std::vector<Text> start_texts(const std::vector<TokenIds>& prompts,
                              const SamplingOptions& sampling) {
  std::vector<Text> texts;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (prompts[i].empty()) {
      throw UsageError("generate: the prompt is empty; give at least one token");
    }
    auto own = sampling;
    own.seed += i;
    texts.push_back({i, prompts[i], Sampler(own)});
  }
  std::ranges::stable_sort(texts, std::ranges::greater(), &Text::length);
  return texts;
}

}  // namespace

std::vector<TokenIds> generate_together(Decoder& decoder, const std::vector<TokenIds>& prompts,
                                        const GenerationOptions& options,
                                        const TextEvents& events) {
  auto texts = start_texts(prompts, options.sampling);
  std::vector<TokenIds> results(prompts.size());
  const torch::NoGradGuard no_grad;
  decoder->eval();
  NextStates next_states(decoder, options);
  const auto proceeds = [&](Text& text, const torch::Tensor& logits) {
    const auto token = text.sampler.draw(logits);
    auto& result = results[text.index];
    if (token == options.stop_token) return false;
    result.push_back(token);
    text.tokens.push_back(token);
    if (events.on_token && !events.on_token(text.index, token)) return false;
    return std::ssize(result) < options.max_tokens;
  };
  if (options.max_tokens < 1) return results;
  while (!texts.empty()) {
    const auto logits = decoder->logits(next_states(texts));
    std::vector<Text> left;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (proceeds(texts[i], logits[static_cast<std::int64_t>(i)])) {
        left.push_back(std::move(texts[i]));
      } else if (events.on_end) {
        events.on_end(texts[i].index);
      }
    }
    texts = std::move(left);
  }
  return results;
}

TokenIds generate(Decoder& decoder, TokenIds prompt, const GenerationOptions& options,
                  const std::function<bool(std::int64_t)>& on_token) {
  TextEvents events;
  if (on_token) {
    events.on_token = [&](std::size_t /*text*/, std::int64_t token) { return on_token(token); };
  }
  return std::move(generate_together(decoder, {std::move(prompt)}, options, events).front());
}

}  // namespace aero::model
