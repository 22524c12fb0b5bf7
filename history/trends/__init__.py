"""Trends of one number of many hosts: who leaks, since when, how fast, until which limit."""
