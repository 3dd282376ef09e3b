#pragma once

#include "aero/model/decoder.h"

namespace aero::train {

/// Keeps a decoder in evaluation mode while it lives.
class EvaluationMode {
 public:
  explicit EvaluationMode(model::Decoder& decoder)
      : decoder_(decoder), was_training_(decoder->is_training()) {
    decoder_->eval();
  }
  ~EvaluationMode() { decoder_->train(was_training_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  model::Decoder& decoder_;
  bool was_training_;
};

}  // namespace aero::train
