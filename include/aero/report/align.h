#pragma once

namespace aero::report {

/// Where a column of a table stands.
enum class Align { left, right };

}  // namespace aero::report
