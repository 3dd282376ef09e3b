#include "cli/torch/text_output.h"

#include "cli/write_json.h"

#include <iostream>
#include <string>

namespace aero::cli {
namespace {

/// Writes each text after its prompt, with a line of dashes between two texts.
class PlainWriter : public TextWriter {
 public:
  explicit PlainWriter(const tokenizer::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void start(const Prompt& prompt, std::uint64_t /*seed*/) override {
    if (!is_first_) std::cout << "\n----\n";
    is_first_ = false;
    std::cout << prompt.text.value_or("") << std::flush;
  }

  /// Holds a character back until all its bytes are there.
  void add(std::int64_t token) override {
    tokens_.push_back(token);
    const auto text = tokenizer_.decode(tokens_);
    if (text.ends_with("\xEF\xBF\xBD")) return;
    std::cout << text << std::flush;
    tokens_.clear();
  }

  void end() override {
    std::cout << tokenizer_.decode(tokens_) << "\n" << std::flush;
    tokens_.clear();
  }

 private:
  const tokenizer::Tokenizer& tokenizer_;
  std::vector<std::int64_t> tokens_;
  bool is_first_ = true;
};

/// Writes the ids of a text's new tokens on a line. Writes each as it comes, so that the command
/// ends when its reader has left.
class IdWriter : public TextWriter {
 public:
  void start(const Prompt& /*prompt*/, std::uint64_t /*seed*/) override { is_first_ = true; }

  void add(std::int64_t token) override {
    std::cout << (is_first_ ? "" : " ") << token << std::flush;
    is_first_ = false;
  }

  void end() override { std::cout << "\n" << std::flush; }

 private:
  bool is_first_ = true;
};

/// Writes an object for each text on a line of its own.
class JsonWriter : public TextWriter {
 public:
  explicit JsonWriter(const std::optional<tokenizer::Tokenizer>& tokenizer)
      : tokenizer_(tokenizer) {}

  void start(const Prompt& prompt, std::uint64_t seed) override {
    json_ = {{"prompt", nullptr}, {"text", nullptr}, {"ids", nullptr}, {"seed", seed}};
    if (prompt.text) json_["prompt"] = *prompt.text;
    tokens_.clear();
  }

  void add(std::int64_t token) override { tokens_.push_back(token); }

  void end() override {
    if (tokenizer_) json_["text"] = tokenizer_->decode(tokens_);
    json_["ids"] = tokens_;
    write_json_line(json_);
  }

 private:
  const std::optional<tokenizer::Tokenizer>& tokenizer_;
  nlohmann::ordered_json json_;
  std::vector<std::int64_t> tokens_;
};

}  // namespace

std::unique_ptr<TextWriter> make_writer(TextFormat format,
                                        const std::optional<tokenizer::Tokenizer>& tokenizer) {
  if (format == TextFormat::json) return std::make_unique<JsonWriter>(tokenizer);
  if (format == TextFormat::ids || !tokenizer) return std::make_unique<IdWriter>();
  return std::make_unique<PlainWriter>(*tokenizer);
}

OrderedOutput::OrderedOutput(TextWriter& writer, const std::vector<Prompt>& prompts,
                             std::uint64_t first_seed)
    : writer_(writer),
      prompts_(prompts),
      first_seed_(first_seed),
      waiting_(prompts.size()),
      ended_(prompts.size()) {
  start();
}

void OrderedOutput::start() {
  writer_.start(prompts_[current_], first_seed_ + current_);
  for (const auto token : waiting_[current_]) writer_.add(token);
  waiting_[current_].clear();
}

void OrderedOutput::add(std::size_t text, std::int64_t token) {
  if (text == current_) {
    writer_.add(token);
  } else {
    waiting_[text].push_back(token);
  }
}

void OrderedOutput::end(std::size_t text) {
  ended_[text] = true;
  while (current_ < prompts_.size() && ended_[current_]) {
    writer_.end();
    if (++current_ < prompts_.size()) start();
  }
}

}  // namespace aero::cli
