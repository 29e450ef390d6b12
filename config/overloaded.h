// One visitor of a std::variant from several lambdas: std::visit(Overloaded{[](int) {...}, [](bool) {...}}, variant).
#pragma once

namespace fettle::config {

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace fettle::config
