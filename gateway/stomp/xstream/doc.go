// Package xstream reads and writes the texts that ActiveMQ's STOMP transformations make of JMS map and object messages:
// XStream's XML, and the same in the JSON of Jettison's mapped convention. Measured on ActiveMQ 5.17.2 with XStream
// 1.4.20 and Jettison 1.5.3.
//
//	<map>                                     {"map":{"entry":{"string":"age","int":7}}}
//	  <entry>
//	    <string>age</string>
//	    <int>7</int>
//	  </entry>
//	</map>
//
// There are no classes here: values are those of JMS's maps (strings, numbers, booleans, characters, null, lists and
// maps), and anything else is refused by its class's name, as by a broker that lacks the class.
package xstream
