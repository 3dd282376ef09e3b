#pragma once

#include "aero/core/error.h"

namespace aero::data {

/// Thrown if a corpus exists, but lacks the split.
class MissingSplit : public UsageError {
 public:
  using UsageError::UsageError;
};

}  // namespace aero::data
