// A doubly linked list through links inside its elements: no allocation, O(1) removal from the middle. Neither owns the
// other; an element must leave its list before it is destroyed. Not thread-safe.
#pragma once

#include "base/assert.h"

namespace fettle::queue {

template <class T>
struct Link {
    T* previous = nullptr;
    T* next = nullptr;
    bool linked = false;
};

// `kLink` is the member of T that this list uses.
template <class T, Link<T> T::*kLink>
class List {
  public:
    [[nodiscard]] bool empty() const { return first_ == nullptr; }

    [[nodiscard]] T* front() const { return first_; }

    [[nodiscard]] T* back() const { return last_; }

    [[nodiscard]] static T* next(const T& element) { return (element.*kLink).next; }

    [[nodiscard]] static T* previous(const T& element) { return (element.*kLink).previous; }

    void push_front(T& element) { insert(element, first_); }

    void push_back(T& element) { insert(element, nullptr); }

    // Inserts before `position`; nullptr: at the end.
    void insert(T& element, T* position) {
        Link<T>& link = element.*kLink;
        FETTLE_ASSERT(!link.linked, "an element is in one list at a time");
        T* before = position != nullptr ? (position->*kLink).previous : last_;
        link = {before, position, true};
        (before != nullptr ? (before->*kLink).next : first_) = &element;
        (position != nullptr ? (position->*kLink).previous : last_) = &element;
    }

    void remove(T& element) {
        Link<T>& link = element.*kLink;
        FETTLE_ASSERT(link.linked, "the element is in the list");
        (link.previous != nullptr ? (link.previous->*kLink).next : first_) = link.next;
        (link.next != nullptr ? (link.next->*kLink).previous : last_) = link.previous;
        link = {};
    }

  private:
    T* first_ = nullptr;
    T* last_ = nullptr;
};

}  // namespace fettle::queue
